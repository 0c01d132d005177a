import FoundationEssentials
import KnocknocAgent
import KnocknocModel

/// Where settings come from: a flag beats the environment, which beats the file.
enum SettingsLayers {
    static let configHelp =
        "The configuration file, or none (default: \(AgentConfiguration.standardFile), where it exists)."

    /// - Throws: ``ConfigurationError``, and ``AgentError`` for a file that was named and cannot be read.
    static func merged(config: String?, flags: [(SettingKey, String?)]) throws -> Settings {
        var given = Settings()
        for case (let key, let text?) in flags { given[key] = .init(text, place: key.flag) }
        return AgentConfiguration.merged([given, environment(), try file(config)])
    }

    private static func file(_ config: String?) throws -> Settings {
        if config == "none" { return Settings() }
        let path = config ?? AgentConfiguration.standardFile
        let copy = AgentConfiguration.credential(for: path, in: credentials)
        guard let text = try AgentConfiguration.readFile(copy, required: config != nil) else { return Settings() }
        return Settings(reading: text, name: path, keys: AgentConfiguration.Key.all)
    }

    /// Reads a token from a file, or from what systemd has made of it.
    static func readToken(_ path: String) throws(AgentError) -> String {
        try AgentConfiguration.readToken(AgentConfiguration.credential(for: path, in: credentials))
    }

    private static var credentials: String? { ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"] }

    private static func environment() -> Settings {
        let environment = ProcessInfo.processInfo.environment
        var settings = Settings()
        for key in AgentConfiguration.Key.all {
            let name = key.environmentName(prefix: AgentConfiguration.environmentPrefix)
            if let text = environment[name] { settings[key] = .init(text, place: "environment \(name)") }
        }
        settings.refuseUnknown(
            variables: environment.keys, prefix: AgentConfiguration.environmentPrefix,
            keys: AgentConfiguration.Key.all, isForeign: AgentConfiguration.isForeign)
        return settings
    }
}
