import ArgumentParser
import CLinux
import FoundationEssentials
import Glibc
import KnocknocAgent
import KnocknocModel

/// The agent's command line.
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
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Exit.end(error, of: Self.self)
        }
    }
}
