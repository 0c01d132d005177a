import ArgumentParser
import KnocknocAccess
import KnocknocSystem

struct RotateAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Gives an agent another token and prints it, this once; the old one counts for ten minutes more.")

    @OptionGroup var options: AgentOptions

    func run() async throws {
        try await options.with { access, agent in
            let (agent, token) = try await access.rotateToken(of: agent.id, by: .cli, nil)
            if !options.json {
                Exit.say(
                    "agent \(agent.name) has another token, shown this once; the old one counts for ten minutes more")
            }
            let text = options.json ? try AgentOutput.json(AgentOutput(agent, token: token)) : token
            guard StandardConsole().tell(once: [text]) else {
                throw SystemError(.failed, "standard output took no token; rotate it again")
            }
        }
    }
}
