import ArgumentParser
import KnocknocAgent
import KnocknocEnforcement
import KnocknocModel

/// The settings that say where an agent on this machine keeps its guards.
struct UnguardOptions: ParsableArguments {
    @Option(help: "\(SettingsLayers.configHelp)") var config: String?
    @Option(help: "Where guards are written for the next boot, or none (default: where the agent that made them does).")
    var guardFile: String?
    @Option(help: "Where entries and guards are remembered; the guard file is beside it.") var stateFile: String?

    /// A file that is named here is meant; else the guards' own agent knows better than this command's configuration.
    func place(_ configured: String?) -> Unguard.Place {
        config == nil && guardFile == nil && stateFile == nil
            ? .remembered(otherwise: configured) : .given(configured)
    }

    /// - Throws: as ``SettingsLayers/merged(config:flags:)``.
    func settings() throws -> Settings {
        typealias Key = AgentConfiguration.Key
        return try SettingsLayers.merged(
            config: config, flags: [(Key.guardFile, guardFile), (Key.stateFile, stateFile)])
    }
}
