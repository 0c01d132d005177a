import ArgumentParser
import KnocknocReverseProxy
import KnocknocServer

/// The administrator's tool.
struct KnockerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "knocker", abstract: "Works on a site from a shell on one of its machines.",
        version: "knocker \(Server.version)",
        subcommands: [
            CreateAdminCommand.self, SetPasswordCommand.self, AgentCommand.self, ExposeDBCommand.self,
            HAProxyCommand.self, EnableCommand.self, DisableCommand.self, ReplicaCommand.self, PromoteCommand.self,
            ClusterCommand.self, EndSessionsCommand.self, RenameZoneCommand.self,
        ])
}
