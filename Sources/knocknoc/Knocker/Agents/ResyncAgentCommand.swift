import ArgumentParser
import KnocknocAccess

struct ResyncAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resync", abstract: "Has an agent told everything anew, now or when it links again.")

    @OptionGroup var options: AgentOptions

    func run() async throws {
        try await options.with { access, agent in
            let agent = try await access.resync(agent.id, by: .cli, nil)
            try options.tell(agent, "agent \(agent.name) is told everything anew")
        }
    }
}
