import ArgumentParser
import KnocknocSystem
import KnocknocToolkit

struct ScaffoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scaffold", abstract: "Prints a file to begin with; nothing is changed.",
        discussion: "Several may be asked for at once; each is printed whole, with comments that say what to fill in.")

    @Flag(help: "knocknoc.conf of a server, every key with its meaning.") var server = false
    @Flag(help: "knocknoc.conf of an agent.") var agent = false
    @Flag(help: "haproxy.cfg for two web nodes; \"knocker haproxy --init\" makes the real one.") var haproxy = false
    @Option(help: .hidden) var root = ""

    func run() async throws {
        guard server || agent || haproxy else { return Exit.tell(Self.helpMessage()) }
        if server { Exit.tell(Scaffold.server) }
        if agent { Exit.tell(Scaffold.agent) }
        if haproxy { try Scaffold.haproxy(HAProxyLayout(root: root), console: StandardConsole()) }
    }
}
