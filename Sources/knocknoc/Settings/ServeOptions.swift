import ArgumentParser
import KnocknocModel
import KnocknocServer

/// The settings of `serve` as flags; a flag beats the environment, which beats the file.
struct ServeOptions: ParsableArguments {
    @Option(help: "The configuration file (default: \(ServerSettings.standardFile), where it exists).")
    var config: String?
    @Option(help: "HOST:PORT to listen on (default: 127.0.0.1:8756).") var listen: String?
    @Option(name: .customLong("public-url"), help: "The address that people use: https://HOST[:PORT].")
    var publicURL: String?
    @Option(help: "Proxies whose X-Forwarded-For is believed: networks, separated by commas, or none.")
    var trustedForwarders: String?
    @Option(name: .customLong("database-url"), help: "postgres://USER@HOST/NAME or sqlite:///PATH.")
    var databaseURL: String?
    @Flag(help: "Database in a file and an agent of its own on this machine.") var allInOne = false
    @Option(help: "Where the database file, our certificate and the agent's state are.") var dataDir: String?
    @Option(help: "What the own agent changes: dry-run changes nothing, none starts no agent.") var agentBackend:
        String?
    @Flag(help: "Serve https with a certificate of our own making; its fingerprint is printed.")
    var tlsSelfSigned = false
    @Option(name: .customLong("tls-san"), help: "Names and addresses in that certificate, separated by commas.")
    var tlsSAN: String?
    @Option(help: "The certificate chain in PEM.") var tlsCertificate: String?
    @Option(help: "The certificate's key in PEM.") var tlsKey: String?
    @Option(help: "This node's name (default: the host's).") var nodeName: String?
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel: String?
    @Option(help: "How long /health says 503 before a stop, in seconds.") var drainSeconds: String?
    @Flag(help: .hidden) var sample = false

    func settings() throws -> ServerSettings {
        typealias Key = ServerSettings.Key
        var settings = try SettingsLayers.read(
            config: config,
            flags: [
                (Key.listen, listen), (Key.publicURL, publicURL), (Key.trustedForwarders, trustedForwarders),
                (Key.databaseURL, databaseURL), (Key.allInOne, allInOne ? "true" : nil), (Key.dataDir, dataDir),
                (Key.agentBackend, agentBackend), (Key.tlsSelfSigned, tlsSelfSigned ? "true" : nil),
                (Key.tlsSAN, tlsSAN), (Key.tlsCertificate, tlsCertificate), (Key.tlsKey, tlsKey),
                (Key.nodeName, nodeName), (Key.logLevel, logLevel), (Key.drainSeconds, drainSeconds),
            ])
        settings.sample = sample
        return settings
    }
}
