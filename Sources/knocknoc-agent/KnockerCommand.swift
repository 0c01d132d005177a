import ArgumentParser
import KnocknocAgent
import KnocknocReverseProxy

/// The administrator's tool on a machine that has no server.
struct KnockerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "knocker", abstract: "Works on an agent's machine from its shell.",
        version: "knocker \(AgentVersion.current)", subcommands: [EnableCommand.self, DisableCommand.self])
}
