import ArgumentParser
import KnocknocModel
import KnocknocServer

/// Where the database is, for commands beside the server.
struct DatabaseOptions: ParsableArguments {
    @Option(help: "The configuration file, or none (default: \(ServerSettings.standardFile), where it exists).")
    var config: String?
    @Option(name: .customLong("database-url"), help: "postgres://USER@HOST/NAME or sqlite:///PATH.")
    var databaseURL: String?
    @Option(help: "The directory that holds knocknoc.db.") var dataDir: String?

    func settings() throws -> ServerSettings {
        try SettingsLayers.read(
            config: config,
            flags: [(ServerSettings.Key.databaseURL, databaseURL), (ServerSettings.Key.dataDir, dataDir)])
    }
}
