import ArgumentParser
import KnocknocAccess
import KnocknocSystem

struct AddAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Makes an agent and prints its token, this once, on standard output.",
        discussion: """
            The token goes into TokenFile of the agent's machine, mode 0600: for example
            knocker agent add gw1 | ssh gw1 'umask 077; cat > /opt/knocknoc-agent/etc/token'
            """)

    @Argument(help: "The new agent's name (default: a suggestion such as brave-otter).") var name: String?
    @Option(help: "A label for a part of the network.") var zone: String?
    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await SiteAccess.with(database) { access in
            let draft = try await access.draftAgent()
            let made = try await access.createAgent(
                AgentDraft(name: name ?? draft.name, zone: zone, token: draft.token), by: .cli, nil)
            if !json { Exit.say("agent \(made.agent.name) added; its token is shown this once") }
            let text = json ? try AgentOutput.json(AgentOutput(made.agent, token: made.token)) : made.token
            guard StandardConsole().tell(once: [text]) else {
                // Nobody has seen the token: such an agent is of no use.
                try await access.deleteAgent(made.agent.id, by: .cli, nil)
                throw SystemError(.failed, "standard output took no token, so the agent was not added")
            }
        }
    }
}
