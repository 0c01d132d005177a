import ArgumentParser
import KnocknocModel
import KnocknocSystem
import KnocknocToolkit

struct ScaffoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scaffold",
        abstract: "Gives the files that a deployment begins with; nothing on this machine is changed.",
        discussion: """
            --server, --agent, --haproxy, --compose and --nomad print a file each, with comments that say what to fill in; \
            --systemd prints the units, each after a comment with its path.

            --patroni writes what turns three hosts, or five, into a PostgreSQL that fails over by itself (Patroni with \
            etcd): a folder for each host that mirrors /, and the SQL that the host with the data runs once. Everything \
            between the hosts goes by TLS with certificates of an authority made for them, whose key is not kept. The page \
            docs/high-availability.md has the commands around it.

            EXAMPLE
              knocknoc scaffold --patroni --into ha --allow 10.64.11.0/24 \\
                --member db1=10.64.11.1 --member db2=10.64.11.2 --member db3=10.64.11.3
            """)

    @Flag(help: "knocknoc.conf of a server, every key with its meaning.") var server = false
    @Flag(help: "knocknoc.conf of an agent.") var agent = false
    @Flag(help: "haproxy.cfg for two web nodes; \"knocker haproxy --init\" makes the real one.") var haproxy = false
    @Flag(help: "The systemd units of server and agent, as the packages have them.") var systemd = false
    @Flag(help: "compose.yaml of a web node, PostgreSQL and an agent.") var compose = false
    @Flag(help: "A Nomad job of two web nodes.") var nomad = false
    @Flag(help: "A PostgreSQL of three or five hosts.") var patroni = false
    @Option(help: ArgumentHelp("A host; the first is the one that has the data.", valueName: "name=address"))
    var member: [String] = []
    @Option(help: ArgumentHelp("From where web nodes come; several times.", valueName: "cidr")) var allow: [String] = []
    @Option(help: ArgumentHelp("PostgreSQL's major version on these hosts.", valueName: "number")) var postgres = 15
    @Option(help: ArgumentHelp("The folder to write; it must not be there yet.", valueName: "folder")) var into: String?
    @Option(help: .hidden) var root = ""

    func validate() throws {
        guard server || agent || haproxy || systemd || compose || nomad || patroni else {
            throw ValidationError(
                "Say what to write: --server, --agent, --haproxy, --systemd, --compose, --nomad or --patroni.")
        }
        guard patroni else { return }
        guard into != nil else { throw ValidationError("--patroni needs --into FOLDER, where it writes") }
        _ = try plan()
    }

    func run() async throws {
        if server { Exit.tell(Scaffold.server) }
        if agent { Exit.tell(Scaffold.agent) }
        if systemd { Exit.tell(Scaffold.systemd) }
        if compose { Exit.tell(Scaffold.compose) }
        if nomad { Exit.tell(Scaffold.nomad) }
        if haproxy { try Scaffold.haproxy(HAProxyLayout(root: root), console: StandardConsole()) }
        if patroni, let into { try write(try plan(), into) }
    }

    private func write(_ plan: PatroniPlan, _ into: String) throws {
        try ScaffoldFolder(into).write(try plan.files())
        Exit.tell("Written to \(into): a folder for each of \(plan.members.map(\.name).joined(separator: ", ")).")
        Exit.tell("They hold passwords and keys: give each host its own only, and remove them here when it is done.")
        Exit.tell("The commands: docs/high-availability.md, \"A database that fails over by itself\".")
        Exit.tell("")
        Exit.tell("Every web node, in knocknoc.conf; login, password and key stay as they are there:")
        Exit.tell("  DatabaseURL = \(plan.databaseURL)")
    }

    private func plan() throws -> PatroniPlan {
        let members = try member.map { text in
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let address = IPAddress(String(parts[1])), Self.isName(parts[0]) else {
                throw ValidationError("--member \(text): expected NAME=ADDRESS, such as db1=10.64.11.1")
            }
            return PatroniPlan.Member(
                name: String(parts[0]), address: address, folders: PatroniPlan.Folders(version: postgres))
        }
        let networks = try allow.map { text in
            do throws(ModelError) { return try CIDR(parsing: text) } catch { throw ValidationError(error.message) }
        }
        do throws(SystemError) {
            return try PatroniPlan(members: members, allowed: networks, secrets: .random())
        } catch { throw ValidationError(error.message) }
    }

    private static func isName(_ text: Substring) -> Bool {
        text.first?.isLetter ?? false && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }
}
