import KnocknocModel
import KnocknocStore
public import KnocknocSystem

/// `knocker promote`: makes the standby of this machine the primary.
public struct Promotion: Sendable {
    /// What becomes of the sessions.
    public enum Sessions: Sendable {
        /// They go on where the standby had everything, and end where it may not have.
        case automatic
        case keep
        case end
    }

    public struct Options: Sendable {
        /// The standby, where there are several clusters.
        public var connection: String?
        public var sessions = Sessions.automatic
        /// Also while the old primary answers.
        public var isForced = false
        /// How old the last commit may be that proves that every commit was waited for.
        public var certainty: Double = 120

        public init() {}
    }

    public struct Outcome: Sendable {
        public var changed = false
        /// Whether everybody has to sign in again.
        public var endedSessions = false
        public var lines: [String] = []
    }

    /// Gives the site a new epoch and ends every session, in the database of this URL; returns what to say of it.
    public typealias StartOver = @Sendable (_ cluster: LocalCluster) async throws -> String

    /// Lies in the data folder while a promotion is under way: what is left to do.
    static let markName = "knocknoc.promotion"

    private let options: Options
    private let console: any Console
    private let startOver: StartOver

    /// Refuses what would let somebody in while a promotion is not at its end.
    static func refuseUnderWay(_ cluster: LocalCluster) throws {
        guard try SystemFile(cluster.dataDirectory + "/" + markName, followsLinks: false).text() != nil else { return }
        throw SystemError(
            .failed,
            "a promotion of \(cluster.name) was broken off; finish it first: sudo knocker promote. Nothing is changed")
    }

    public init(options: Options, console: any Console, startOver: @escaping StartOver) {
        self.options = options
        self.console = console
        self.startOver = startOver
    }

    /// - Throws: ``SystemError``; before the promotion itself nothing is changed then, and after it the same command goes
    ///   on where it stopped.
    public func run() async throws -> Outcome {
        try Superuser.require("promotes this machine's PostgreSQL")
        let cluster = try await standby()
        guard try !Patroni.keeps(cluster) else { throw Replica.patroni(cluster) }
        return try await SystemFile(cluster.facts.hbaFile).locked {
            let mark = SystemFile(cluster.dataDirectory + "/" + Self.markName, followsLinks: false)
            guard cluster.isStandby else { return try await Interruption.held { try await finish(cluster, mark) } }
            return try await promote(cluster, mark)
        }
    }

    private func promote(_ cluster: LocalCluster, _ mark: SystemFile) async throws -> Outcome {
        let following = try await cluster.following()
        try await refuseWhileItAnswers(cluster, following)
        let record = try await SiteRecord.read(cluster)
        let isSafe = !following.slot.isEmpty && record.synchronous == following.slot
        for line in Self.loss(following, isSafe: isSafe) { console.note(line) }
        // A standby that is away learns of no "--asynchronous": only a young commit proves that it was waited for.
        if isSafe, options.sessions == .automatic, following.age.map({ $0 > options.certainty }) ?? true {
            throw SystemError(
                .failed,
                "that this machine was waited for until the end is not certain, since it has heard of no change for long. "
                    + "Where \"knocker replica --asynchronous\" was not used meanwhile, nothing is lost: --keep-sessions. "
                    + "Where it was, or nobody knows: --end-sessions. Nothing is changed")
        }
        // What was to end when it was broken off still is.
        let ends =
            try Self.left(by: mark) == "end"
            || {
                switch options.sessions {
                case .automatic: !isSafe
                case .keep: false
                case .end: true
                }
            }()
        console.note(
            ends
                ? "All sessions end and agents are told everything anew: an ending may be among what is lost."
                : "Sessions go on.")
        try Interruption.check()
        // From here on it goes to its end: a standby that lets nobody in, and is none, helps nobody.
        return try await Interruption.held {
            do { try await prepare(cluster, mark, ends: ends) } catch {
                if ends { _ = try? await Replica.letInAsRecorded(cluster, console) }
                throw error
            }
            return try await promoteNow(cluster, mark)
        }
    }

    private func prepare(_ cluster: LocalCluster, _ mark: SystemFile, ends: Bool) async throws {
        // What ends must be over before a web node reads it here as if it lived.
        if ends {
            try await Replica.keepOut(cluster, console)
        } else {
            try await Replica.letInAsRecorded(cluster, console)
        }
        // Its own name may be among those that were waited for.
        try await cluster.alterSystem([("synchronous_standby_names", nil)])
        try mark.replace(
            with: ends ? "end\n" : "keep\n",
            attributes: .init(
                mode: 0o600, owner: cluster.owner, group: SystemUser.entry(of: cluster.owner)?.group ?? 0),
            keepingBackup: false)
    }

    private func promoteNow(_ cluster: LocalCluster, _ mark: SystemFile) async throws -> Outcome {
        console.note("Promoting \(cluster.name)")
        struct Answer: Decodable { var done: Bool }
        let answer: [Answer] = try await cluster.rows("select pg_promote(true, 60) as done")
        guard answer.first?.done == true else {
            // It may still become one: the mark says what is left to do then.
            throw SystemError(
                .failed,
                "\(cluster.name) did not become a primary within 60 s; its log says why. Run this again: what is left to "
                    + "do is done then")
        }
        var outcome = try await finish(cluster, mark)
        outcome.lines += Self.next(cluster)
        return outcome
    }

    /// What a promotion that was broken off had decided; nil where none was.
    private static func left(by mark: SystemFile) throws -> String? { try mark.text()?.filter { !$0.isWhitespace } }

    /// What comes after the promotion itself; done again where it was broken off.
    private func finish(_ cluster: LocalCluster, _ mark: SystemFile) async throws -> Outcome {
        let left = try Self.left(by: mark)
        // Who is kept out is so until what was to end has ended, whoever promoted it meanwhile.
        let isShut = try cluster.hbaDocument().document.refuses
        let ends = left == "end" || isShut || options.sessions == .end
        guard left != nil || ends else {
            return Outcome(lines: ["\(cluster.name) is a primary already; nothing changed."])
        }
        if left != nil {
            try await cluster.alterSystem([("primary_conninfo", nil), ("primary_slot_name", nil)])
            try await cluster.reload()
            try await SiteRecord.note(synchronous: nil, cluster)
        }
        var lines = ["\(cluster.name) is the primary now."]
        if ends {
            if isShut { try await Replica.endConnections(cluster) }
            lines = [lines[0], try await startOver(cluster)]
        }
        // Only now: what was to end has ended.
        if left != nil || isShut { try await Replica.letInAsRecorded(cluster, console) }
        try mark.remove()
        return Outcome(changed: true, endedSessions: ends, lines: lines)
    }

    /// The standby of this machine: the one that a URL names, else the only one that is a standby.
    private func standby() async throws -> LocalCluster {
        let place = try options.connection.map { try DatabaseURL($0, setting: "--conn").places(setting: "--conn") }?
            .first
        var found: [LocalCluster] = []
        for socket in try PostgresSocket.all() where place == nil || socket.port == place?.port {
            if let folder = place?.host, place?.isSocket == true, folder != socket.folder { continue }
            guard let cluster = try? await LocalCluster(socket, database: "postgres") else { continue }
            found.append(cluster)
        }
        let standbys = found.filter(\.isStandby)
        let candidates = standbys.isEmpty ? found : standbys
        guard let first = candidates.first else {
            throw SystemError(.missing, "no PostgreSQL of this machine can be asked; is it running?")
        }
        guard candidates.count == 1 else {
            throw SystemError(
                .invalid,
                "there are several: \(candidates.map(\.name).joined(separator: ", ")); name one with --conn "
                    + "\"postgres:///postgres?host=FOLDER&port=N\"")
        }
        if let database = place?.database { return try await LocalCluster(first.socket, database: database) }
        return try await LocalCluster(first.socket, database: try await Self.database(of: first))
    }

    /// The site's database: the one that has its schema's owner as a setting.
    private static func database(of cluster: LocalCluster) async throws -> String {
        let found = try await cluster.sites()
        guard let first = found.first, found.count == 1 else {
            throw SystemError(
                .invalid,
                "\(cluster.name) holds \(found.count) databases of Knocknoc; name the one with --conn "
                    + "\"postgres:///DATABASE?host=FOLDER&port=N\"")
        }
        return first
    }

    private func refuseWhileItAnswers(_ cluster: LocalCluster, _ following: LocalCluster.Following) async throws {
        guard !options.isForced else { return }
        let streams = Self.answers("it sends its changes to this machine now")
        let words = Self.words(following.connection)
        guard let host = words["host"] else {
            guard following.status != "streaming" else { throw streams }
            return
        }
        let asking = [
            try await Replica.program("pg_isready", cluster), "-h", host, "-p", words["port"] ?? "5432", "-t", "3",
        ]
        let (begun, clock) = (ContinuousClock.now, ContinuousClock())
        var (last, changes) = (following.heard, 0)
        while true {
            let asked = clock.now
            let output = try await Command.run(try cluster.asOwner(asking))
            // 2 is no answer at all; one that refuses or starts up is alive.
            guard output.status == 2 else {
                throw Self.answers("\(host) says: \(output.text.split(separator: "\n").first ?? "it is there")")
            }
            let wasRefused = asked.duration(to: clock.now) < .seconds(1)
            // A PostgreSQL that ends takes its stream along. A machine without power does not: there the stream is silent,
            // once what was on its way has come.
            let now = try await cluster.following()
            guard let heard = now.heard, now.status == "streaming" else { return }
            if heard != last {
                changes += 1
                guard changes < 2, begun.duration(to: clock.now) < .seconds(5) else { throw streams }
            } else if !wasRefused || begun.duration(to: clock.now) > Self.silence {
                return
            }
            last = heard
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Longer than between two things that a site writes by itself; a firewall may refuse us while the stream goes on.
    private static let silence = Duration.seconds(15)

    private static func answers(_ how: String) -> SystemError {
        SystemError(
            .failed,
            "the old primary still answers (\(how)). Two primaries would each take changes that the other never learns: "
                + "stop the old one first (sudo systemctl stop postgresql, there), and keep it from starting again (sudo "
                + "systemctl disable postgresql). --force promotes all the same. Nothing is changed")
    }

    private static func loss(_ following: LocalCluster.Following, isSafe: Bool) -> [String] {
        let last =
            following.lastCommit.map { "The last change that this machine has is of \($0)" } ?? "It has no change"
        let age = following.age.map { ", \(Int($0)) s ago" } ?? ""
        guard !isSafe else { return ["\(last)\(age). Every commit has waited for this machine: none is lost."] }
        return [
            "\(last)\(age). Commits did not wait for this machine (an asynchronous standby): what the old primary took "
                + "after that moment is lost, such as sign-ins, grants, revocations and edits of the last seconds before it "
                + "went."
        ]
    }

    private static func next(_ cluster: LocalCluster) -> [String] {
        [
            "",
            "Web nodes that name both machines in DatabaseURL go on by themselves. The old primary must not come back as "
                + "it is: it would take changes too. Make it the standby of this one:",
            "  here:  sudo knocker replica --allow ADDRESS-OF-THE-OLD-ONE",
            "  there: sudo knocker replica --init",
        ]
    }

    /// A keyword/value string of libpq, taken apart.
    static func words(_ text: String) -> [String: String] {
        var words: [String: String] = [:]
        var rest = text[...]
        while let equals = rest.firstIndex(of: "=") {
            let key = rest[..<equals].filter { !$0.isWhitespace }
            rest = rest[rest.index(after: equals)...].drop(while: \.isWhitespace)
            let isQuoted = rest.first == "'"
            if isQuoted { rest.removeFirst() }
            var value = ""
            while let character = rest.popFirst() {
                if character == "\\", let next = rest.popFirst() {
                    value.append(next)
                } else if isQuoted ? character == "'" : character.isWhitespace {
                    break
                } else {
                    value.append(character)
                }
            }
            words[key] = value
        }
        return words
    }
}
