import ArgumentParser
import KnocknocAccess

struct EnableAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable", abstract: "Lets a disabled agent link again.")

    @OptionGroup var options: AgentOptions

    func run() async throws {
        try await options.with { access, agent in
            var patch = AgentPatch()
            patch.disabled = false
            let agent = try await access.updateAgent(agent.id, patch, by: .cli, nil)
            try options.tell(agent, "agent \(agent.name) is enabled")
        }
    }
}
