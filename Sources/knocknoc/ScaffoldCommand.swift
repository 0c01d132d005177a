import ArgumentParser
import KnocknocSystem
import KnocknocToolkit

struct ScaffoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scaffold", abstract: "Prints a file to begin with; nothing is changed.",
        discussion: "Several may be asked for at once; each is printed whole, with comments that say what to fill in.")

    @Flag(help: "haproxy.cfg for two web nodes; \"knocker haproxy --init\" makes the real one.") var haproxy = false
    @Option(help: .hidden) var root = ""

    func run() async throws {
        guard haproxy else { return Exit.tell(Self.helpMessage()) }
        try Scaffold.haproxy(HAProxyLayout(root: root), console: StandardConsole())
    }
}
