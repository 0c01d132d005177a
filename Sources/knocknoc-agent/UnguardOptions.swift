import ArgumentParser
import KnocknocAgent
import KnocknocModel

/// The settings that say where an agent on this machine keeps its guards.
struct UnguardOptions: ParsableArguments {
    @Option(help: "\(SettingsLayers.configHelp)") var config: String?
    @Option(help: "Where guards are written for the next boot, or none.") var guardFile: String?
    @Option(help: "Where entries and guards are remembered; the guard file is beside it.") var stateFile: String?

    /// - Throws: as ``SettingsLayers/merged(config:flags:)``.
    func settings() throws -> Settings {
        typealias Key = AgentConfiguration.Key
        return try SettingsLayers.merged(
            config: config, flags: [(Key.guardFile, guardFile), (Key.stateFile, stateFile)])
    }
}
