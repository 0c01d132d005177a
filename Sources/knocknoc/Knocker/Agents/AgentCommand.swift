import ArgumentParser

struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Adds, lists, pings and removes agents, also while the server runs.",
        discussion: "NAME is an agent's name or its id. What it does is audited as done on the command line.",
        subcommands: [
            AddAgentCommand.self, ListAgentsCommand.self, PingAgentCommand.self, LogAgentCommand.self,
            ResyncAgentCommand.self, DisableAgentCommand.self, EnableAgentCommand.self, RotateAgentCommand.self,
            DeleteAgentCommand.self,
        ])
}
