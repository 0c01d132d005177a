import ArgumentParser
import KnocknocModel
import KnocknocSystem
import KnocknocToolkit

struct ExposeDBCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exposedb",
        abstract: "Lets other web nodes use the PostgreSQL database of this machine.",
        discussion: """
            Turns the database of a single node into the one that many web nodes share. --init has the local PostgreSQL \
            listen on the network with TLS, makes a login with a random password, and prints the connection string that \
            option 3 of the installer asks for on the other nodes. Nobody can use it until --add lists their address.

            What is changed: listen_addresses and, where it is off, ssl of this one cluster, by ALTER SYSTEM and a restart \
            of this cluster only; one login, a member of the role that owns the schema; one marked block of lines in \
            pg_hba.conf, before the first line that lets a host in. Every other byte of that file stays. Everything is \
            checked by its effect and undone where it fails; running a command twice changes nothing more. The cluster, its \
            port and its files are asked of the server itself.

            EXAMPLES
              Expose the database, then allow one web node, then a network:
                sudo knocker exposedb --init
                sudo knocker exposedb --add "203.0.113.7/32"
                sudo knocker exposedb --add "2001:db8:7::/64"
              See what would happen first:
                sudo knocker exposedb --init --dry-run
              Listen on one address, and tell the others a name:
                sudo knocker exposedb --init --listen 10.64.11.1 --advertise db1
              Who may, and who does:
                sudo knocker exposedb --list
                sudo knocker exposedb --status
              Another database than the one in knocknoc.conf, here of port 5433:
                sudo knocker exposedb --list --conn "postgres:///knocknoc?port=5433"
              Change the password without an outage; again when all nodes have it:
                sudo knocker exposedb --rotate-password
              The newest string is lost, and no node has it:
                sudo knocker exposedb --rotate-password --renew
              Take all of it back:
                sudo knocker exposedb --disable

            EXIT CODES
              0 done, 1 failed and undone, 2 wrong usage, 77 not root, 78 bad configuration; 130, 143 or 129 after \
            Ctrl-C, SIGTERM or SIGHUP, undone. What --remove and --disable have taken back stays so; the same command \
            does the rest.
            """)

    @Flag(name: .customLong("init"), help: "Expose the database; prints the connection string, once.")
    var initialize = false
    @Option(help: ArgumentHelp("Allow a network or an address; may be given several times.", valueName: "cidr"))
    var add: [String] = []
    @Option(help: ArgumentHelp("Allow it no longer; may be given several times.", valueName: "cidr"))
    var remove: [String] = []
    @Flag(help: "List what is allowed.") var list = false
    @Flag(help: "Show cluster, addresses, logins and who uses them.") var status = false
    @Flag(help: "Take back what --init and --add did.") var disable = false
    @Flag(help: "Make a second login; given again, drop the first once no session uses it.")
    var rotatePassword = false

    @Option(
        name: .customLong("conn"),
        help: ArgumentHelp("The database (default: DatabaseURL of knocknoc.conf).", valueName: "uri"))
    var connection: String?
    @Option(
        help: ArgumentHelp(
            "The server's configuration file (default: \(InstallLayout().configuration)).", valueName: "file"))
    var config: String?
    @Option(help: ArgumentHelp("Where to listen (default: 0.0.0.0:5432).", valueName: "address[:port]"))
    var listen: String?
    @Option(
        help: ArgumentHelp(
            "The name or address of this machine in the connection string (default: the address that it uses itself).",
            valueName: "host"))
    var advertise: String?
    @Flag(help: "A connection string without TLS, channel binding and the site's key.") var plain = false
    @Flag(help: "Allow 0.0.0.0/0 or ::/0; end sessions that stand in the way of --disable or --rotate-password.")
    var force = false
    @Flag(help: "With --rotate-password: another password for the newest login, whose string is lost.")
    var renew = false
    @Flag(help: "Show what would change, and change nothing.") var dryRun = false
    @Flag(help: "Print one JSON object.") var json = false

    func validate() throws {
        guard actions().count <= 1 else {
            throw ValidationError(
                "Give one of --init, --add, --remove, --list, --status, --disable and --rotate-password.")
        }
        if actions().isEmpty, hasOptions {
            throw ValidationError(
                "Say what to do: --init, --add, --remove, --list, --status, --disable or --rotate-password.")
        }
        if renew, !rotatePassword { throw ValidationError("--renew goes with --rotate-password.") }
        for network in try networks(add) {
            if let refusal = ExposeDB.refusal(of: network, isForced: force) { throw ValidationError(refusal) }
        }
        _ = try networks(remove)
        _ = try target()
        try ConnectionOption.check(connection)
    }

    func run() async throws {
        guard let name = actions().first else { throw CleanExit.helpRequest(self) }
        let action: ExposeDB.Action =
            switch name {
            case "init": .initialize
            case "add": .add(try networks(add))
            case "remove": .remove(try networks(remove))
            case "list": .list
            case "status": .status
            case "disable": .disable
            default: .rotatePassword
            }
        var options = ExposeDB.Options()
        options.connection = connection
        options.configuration = config
        options.listen = try target()
        options.advertise = advertise
        options.isPlain = plain
        options.isForced = force
        options.isRenewed = renew
        options.isDryRun = dryRun
        let console = StandardConsole()
        let exposing = ExposeDB(options: options, console: console)
        let outcome = try await exposing.run(action)
        // A string that nobody has seen is made anew by the next run.
        if console.tell(once: json ? [try outcome.json()] : outcome.lines) { try await exposing.shown(outcome) }
    }

    private func actions() -> [String] {
        [
            ("init", initialize), ("add", !add.isEmpty), ("remove", !remove.isEmpty), ("list", list),
            ("status", status), ("disable", disable), ("rotate-password", rotatePassword),
        ].filter(\.1).map(\.0)
    }

    private var hasOptions: Bool {
        connection != nil || config != nil || listen != nil || advertise != nil || plain || force || renew || dryRun
            || json
    }

    private func networks(_ texts: [String]) throws -> [CIDR] {
        try texts.map { text in
            do throws(ModelError) { return try CIDR(parsing: text) } catch { throw ValidationError(error.message) }
        }
    }

    private func target() throws -> ListenTarget? {
        guard let listen else { return nil }
        guard let target = ListenTarget(listen) else {
            throw ValidationError(
                "--listen \(listen): expected an address of this machine, such as 0.0.0.0, 10.64.11.1:5432 or [::]:5432"
            )
        }
        return target
    }
}
