import ArgumentParser
import KnocknocAgent
import KnocknocModel

/// The settings that say where to look for an agent on this machine.
struct StatusOptions: ParsableArguments {
    @Option(help: "\(SettingsLayers.configHelp)") var config: String?
    @Option(help: "Where the agent answers GET /health: a loopback ADDRESS:PORT, or none.") var healthListen: String?
    @Option(help: "Where entries and guards are remembered, or none.") var stateFile: String?
    @Option(help: "Where this agent's keys are kept.") var keyFile: String?

    /// - Throws: as ``SettingsLayers/merged(config:flags:)``.
    func settings() throws -> Settings {
        typealias Key = AgentConfiguration.Key
        return try SettingsLayers.merged(
            config: config,
            flags: [(Key.healthListen, healthListen), (Key.stateFile, stateFile), (Key.keyFile, keyFile)])
    }
}
