import ArgumentParser
import KnocknocAgent

struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

    func run() async throws {
        print("knocknoc-agent \(AgentVersion.current)")
    }
}
