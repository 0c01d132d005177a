import ArgumentParser
import KnocknocAccess

struct DisableAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable", abstract: "Cuts an agent's link and empties its sets; guards stay closed.")

    @OptionGroup var options: AgentOptions

    func run() async throws {
        try await options.with { access, agent in
            var patch = AgentPatch()
            patch.disabled = true
            let agent = try await access.updateAgent(agent.id, patch, by: .cli, nil)
            try options.tell(agent, "agent \(agent.name) is disabled")
        }
    }
}
