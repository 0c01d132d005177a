import ArgumentParser
import CLinux
import FoundationEssentials
import Glibc
import KnocknocAgent
import KnocknocModel
import KnocknocSystem

/// The agent's command line; the executable answers as `knocker` when called by that name.
@main
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "knocknoc-agent",
        abstract: "Opens and closes this machine's firewall as a Knocknoc server says.",
        version: "knocknoc-agent \(AgentVersion.current)",
        subcommands: [
            RunCommand.self, EnrollCommand.self, UnguardCommand.self, StatusCommand.self, VersionCommand.self,
        ])

    static func main() async {
        knocknoc_use_one_heap()
        switch CommandLine.arguments.first?.split(separator: "/").last {
        case "knocker":
            // What it begins on this machine is not to be left half done.
            Interruption.watch()
            await start(KnockerCommand.self)
        default: await start(Self.self)
        }
    }

    private static func start<Root: ParsableCommand>(_ root: Root.Type) async {
        do {
            var command = try root.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Exit.end(error, of: root)
        }
    }
}
