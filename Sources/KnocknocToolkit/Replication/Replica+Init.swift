import Glibc
import KnocknocModel
import KnocknocStore
import KnocknocSystem

extension Replica {
    /// On the other machine: makes its PostgreSQL a standby of the primary. What it held is kept aside, and put back
    /// where anything fails.
    public func initialize(_ string: ReplicationString) async throws -> Outcome {
        try Superuser.require("replaces PostgreSQL's data")
        let old = try await ownCluster()
        guard try !Patroni.keeps(old) else { throw Self.patroni(old) }
        return try await SystemFile(old.facts.hbaFile).locked {
            if let outcome = try await already(string, old) { return outcome }
            let origin = try await ReplicaOrigin.ask(string, as: old)
            try await refuse(old, origin, string)
            let keeper = try await old.keeper()
            let copy = old.dataDirectory + ".knocknoc-new"
            let kept = old.dataDirectory + ".knocknoc-kept-\(Glibc.time(nil))"
            let cluster = try await Undoing.run(console) { steps in
                try await steps.step("Copying the primary's data (pg_basebackup from \(string.host))") {
                    try await remove(copy)
                    try await copyData(string, old, to: copy)
                } undo: {
                    try await Command.check("removing \(copy)", ["rm", "-rf", "--", copy])
                }
                try await steps.step("Fitting it to this machine") { try fit(copy, string, origin, old) }
                try await steps.step("Stopping \(old.name)") {
                    try await old.stop(by: keeper)
                } undo: {
                    try await old.recover(by: keeper)
                }
                let exchange = try FolderExchange(old.dataDirectory, copy: copy, kept: kept)
                try await steps.step("Putting it in place; the data from before is kept as \(kept)") {
                    try exchange.carryOut()
                } undo: {
                    try exchange.undo()
                }
                try await steps.step("Starting it as a standby (\(keeper.name))") {
                    try await old.recover(by: keeper)
                } undo: {
                    if old.isRunning { try await old.stop(by: keeper) }
                }
                let made = try await steps.step("Waiting until it follows the primary") {
                    try await follow(LocalCluster(old.socket, database: string.database))
                }
                try await Self.letInAsRecorded(made, console)
                return made
            }
            return Outcome(changed: true, lines: try lines(cluster, string, kept))
        }
    }

    /// The cluster of this machine that is to follow: the one that a URL names, else the only one, else that on 5432.
    func ownCluster() async throws -> LocalCluster {
        if let connection = options.connection {
            let site = try SiteSettings(file: options.configuration ?? layout.configuration, url: connection)
            guard let place = try site.database.places().first(where: LocalCluster.isHere) else {
                throw SystemError(
                    .invalid, "--conn names another machine; a standby is made of this one's own PostgreSQL")
            }
            let folder = place.isSocket ? place.host : nil
            let all = try PostgresSocket.all().filter { $0.port == place.port && (folder ?? $0.folder) == $0.folder }
            guard let socket = all.first else {
                let reason = FolderExchange.brokenOff(below: layout.clusters)
                throw SystemError(
                    .missing,
                    "no PostgreSQL of this machine listens on port \(place.port)" + (reason.map { ". " + $0 } ?? ""))
            }
            return try await LocalCluster(socket, database: "postgres")
        }
        let all = try PostgresSocket.all()
        guard let socket = all.count == 1 ? all.first : all.first(where: { $0.port == 5432 }) else {
            let reason = FolderExchange.brokenOff(below: layout.clusters)
            throw SystemError(
                .missing,
                all.isEmpty
                    ? "no PostgreSQL runs on this machine"
                        + (reason.map { ". " + $0 } ?? "; install it first: sudo apt install postgresql")
                    : "several PostgreSQL clusters run on this machine; name one with --conn "
                        + "\"postgres:///postgres?host=FOLDER&port=N\"")
        }
        return try await LocalCluster(socket, database: "postgres")
    }

    private func already(_ string: ReplicationString, _ cluster: LocalCluster) async throws -> Outcome? {
        guard cluster.isStandby else { return nil }
        let following = try await cluster.following()
        guard following.slot == string.slot, following.connection.contains("host='\(string.host)'"),
            following.connection.contains("port='\(string.port)'"), following.status == "streaming", !options.isForced
        else { return nil }
        // One that was killed may not have come to this.
        try Promotion.refuseUnderWay(cluster)
        let before = try cluster.hbaDocument().bytes
        try await Self.letInAsRecorded(LocalCluster(cluster.socket, database: string.database), console)
        let isChanged = try cluster.hbaDocument().bytes != before
        return Outcome(
            changed: isChanged,
            lines: [
                "\(cluster.name) is a standby of \(string.host) already and follows it; "
                    + (isChanged ? "it lets in whom that one lets in now." : "nothing changed.")
            ])
    }

    private func refuse(_ cluster: LocalCluster, _ origin: ReplicaOrigin, _ string: ReplicationString) async throws {
        guard origin.majorVersion == cluster.majorVersion else {
            throw SystemError(
                .invalid,
                "the primary has PostgreSQL \(origin.majorVersion) and this machine \(cluster.majorVersion); a standby has "
                    + "the same: sudo apt install postgresql-\(origin.majorVersion)")
        }
        guard !cluster.isStandby, !options.isForced else { return }
        let followers = try await cluster.followers()
        guard followers.isEmpty else {
            throw SystemError(
                .invalid,
                "\(cluster.name) of this machine is a primary itself: \(followers.map(\.name).joined(separator: ", ")) "
                    + "follow it. Run this on the machine that is to be the standby, or give --force")
        }
    }

    private func copyData(_ string: ReplicationString, _ old: LocalCluster, to copy: String) async throws {
        let program = try await Self.program("pg_basebackup", old)
        try await Command.check(
            "copying the primary's data",
            try SystemUser.prefix(for: old.owner) + [
                program, "-D", copy, "-X", "stream", "-c", "fast", "-S", string.slot, "-w", "-d", string.connection(),
            ], environment: ["PGPASSWORD": string.password, "HOME": "/"], isInterruptible: true)
    }

    /// Beside the server's own program, since several versions may be installed.
    static func program(_ name: String, _ cluster: LocalCluster) async throws -> String {
        struct Folder: Decodable { var path: String }
        let found: [Folder] = try await cluster.rows(
            "select setting as path from pg_config() where name = 'BINDIR'")
        return (found.first.map { $0.path + "/" } ?? "") + name
    }

    private func remove(_ path: String) async throws {
        try await Command.check("removing \(path)", ["rm", "-rf", "--", path])
    }

    private func follow(_ cluster: LocalCluster) async throws -> LocalCluster {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            let following = try await cluster.following()
            if following.status == "streaming" { return cluster }
            guard ContinuousClock.now < deadline else {
                throw SystemError(
                    .failed, "it does not follow the primary (\(following.status ?? "no connection")); its log says why"
                )
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func lines(_ cluster: LocalCluster, _ string: ReplicationString, _ kept: String) throws -> [String] {
        [
            "\(cluster.name) is a standby of \(string.host) now and follows it.",
            "The data from before is in \(kept); remove it when nobody misses it.",
            "",
            "Where the primary is lost: sudo knocker promote",
            "How far it is behind: sudo knocker cluster",
        ] + NodeAdvice.lines(hosts: [string.host, try ownHost()], port: string.port, database: string.database)
    }
}
