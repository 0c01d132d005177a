import ArgumentParser
import Glibc
import KnocknocModel
import KnocknocSystem
import KnocknocToolkit

struct ReplicaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replica",
        abstract: "Keeps a second machine that has all that the database's machine has.",
        discussion: """
            On the primary, --allow lets one machine copy and follow the database, and prints a replication string. On that \
            machine, --init replaces the data of its PostgreSQL by the primary's and follows it; the string is asked for, or \
            read from standard input or from KNOCKNOC_REPLICA_STRING. On every web node, --follow names both machines in \
            DatabaseURL, so that it goes on by itself when the primary moves.

            EXAMPLES
              On the primary, which "knocker exposedb --init" has exposed:
                sudo knocker replica --allow 10.64.11.2
              On the other machine, with the same PostgreSQL version installed:
                sudo knocker replica --init
              On every web node:
                sudo knocker replica --follow 10.64.11.1:5432,10.64.11.2:5432
              Have every commit wait for the standby, so that nothing is lost with the primary:
                sudo knocker replica --synchronous 10.64.11.2
              The primary is lost; on the standby:
                sudo knocker promote
              After exposedb --remove on the primary, on the standby, whose list is a file of its own:
                sudo knocker replica --refresh

            EXIT CODES
              0 done, 1 failed and undone, 2 wrong usage, 77 not root, 78 bad configuration; 130, 143 or 129 after \
            Ctrl-C, SIGTERM or SIGHUP, undone.
            """)

    @Option(help: ArgumentHelp("On the primary: let this machine follow.", valueName: "host")) var allow: String?
    @Flag(name: .customLong("init"), help: "On the other machine: become a standby.") var initialize = false
    @Option(help: ArgumentHelp("On a web node: use whichever of these takes writes.", valueName: "host:port,…"))
    var follow: String?
    @Option(help: ArgumentHelp("On the primary: commits wait for this standby.", valueName: "host"))
    var synchronous: String?
    @Flag(help: "On the primary: commits wait for no standby.") var asynchronous = false
    @Option(help: ArgumentHelp("On the primary: take back what --allow did.", valueName: "host")) var remove: String?
    @Flag(help: "On a standby: let in whom the primary lets in, and nobody else.") var refresh = false

    @Option(
        name: .customLong("conn"),
        help: ArgumentHelp("The database (default: DatabaseURL of knocknoc.conf).", valueName: "uri"))
    var connection: String?
    @Option(
        help: ArgumentHelp(
            "The server's configuration file (default: \(InstallLayout().configuration)).", valueName: "file"))
    var config: String?
    @Option(
        help: ArgumentHelp(
            "The name or address of this machine for the others (default: the address that it uses itself).",
            valueName: "host"))
    var advertise: String?
    @Flag(help: "With --allow: a new string, which ends the one before. With --follow: another password.")
    var renew = false
    @Flag(help: "With --init: also where others follow this machine, or where it follows already.") var force = false

    func validate() throws {
        let actions = [
            allow != nil, initialize, follow != nil, synchronous != nil, asynchronous, remove != nil, refresh,
        ]
        guard actions.filter({ $0 }).count == 1 else {
            throw ValidationError(
                "Give one of --allow, --init, --follow, --synchronous, --asynchronous, --remove and --refresh.")
        }
        if renew, allow == nil, follow == nil { throw ValidationError("--renew goes with --allow or --follow.") }
        if force, !initialize { throw ValidationError("--force goes with --init.") }
        for (option, host) in [("--allow", allow), ("--synchronous", synchronous), ("--remove", remove)] {
            guard let host, host.contains("/") else { continue }
            throw ValidationError(
                "\(option) \(host): expected one host, by its address or name, such as 10.64.11.2; "
                    + "each standby is named by itself")
        }
        do throws(SystemError) { if let follow { try Replica.check(hosts: follow) } } catch {
            throw ValidationError("--follow \(error.message)")
        }
        try ConnectionOption.check(connection)
    }

    func run() async throws {
        var options = Replica.Options()
        options.connection = connection
        options.configuration = config
        options.advertise = advertise
        options.isRenewed = renew
        options.isForced = force
        let replica = Replica(options: options, console: StandardConsole())
        let outcome =
            if let allow {
                try await replica.allow(try address(allow))
            } else if let follow {
                try await replica.follow(follow)
            } else if let synchronous {
                try await replica.synchronous(try address(synchronous))
            } else if let remove {
                try await replica.forget(try address(remove))
            } else if refresh {
                try await replica.refresh()
            } else if asynchronous {
                try await replica.asynchronous()
            } else {
                try await replica.initialize(try string())
            }
        for line in outcome.lines { Exit.tell(line) }
    }

    private func address(_ text: String) throws -> IPAddress {
        let found = OwnAddresses.resolve(text)
        guard let first = found.first else {
            throw ValidationError(
                "\(text) is no address, and no name that this machine can resolve; expected one host, such as 10.64.11.2"
            )
        }
        guard found.count == 1 else {
            let list = found.map(\.description).joined(separator: ", ")
            throw ValidationError("\(text) has several addresses (\(list)); give the one that it comes from")
        }
        return first
    }

    /// Never an argument, which everybody on the machine could read.
    private func string() throws -> ReplicationString {
        if let text = getenv("KNOCKNOC_REPLICA_STRING") {
            unsetenv("KNOCKNOC_REPLICA_STRING")
            return try ReplicationString(String(cString: text))
        }
        guard isatty(STDIN_FILENO) == 1 else { return try ReplicationString(readLine() ?? "") }
        return try ReplicationString(Keyboard.line("Replication string (not shown): ", isHidden: true) ?? "")
    }
}
