import ArgumentParser
import KnocknocAccess
import KnocknocSystem

struct RotateAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Gives an agent another token and prints it, this once; the old one counts for ten minutes more.",
        discussion: """
            Rotating again meanwhile cuts nothing off: each token that was replaced keeps its own ten minutes. Where somebody else \
            may have one, --now ends them all.
            """)

    @Flag(help: "End every other token at once, and the link that was opened with it.") var now = false
    @OptionGroup var options: AgentOptions

    func run() async throws {
        try await options.with { access, agent in
            let (agent, token) = try await access.rotateToken(of: agent.id, now: now, by: .cli, nil)
            if !options.json {
                let others = now ? "no other counts any more" : "the old one counts for ten minutes more"
                Exit.say("agent \(agent.name) has another token, shown this once; \(others)")
            }
            let text = options.json ? try AgentOutput.json(AgentOutput(agent, token: token)) : token
            guard StandardConsole().tell(once: [text]) else {
                throw SystemError(.failed, "standard output took no token; rotate it again")
            }
        }
    }
}
