import ArgumentParser
import KnocknocModel
import KnocknocServer

/// The settings of `serve` as flags; a flag beats the environment, which beats the file.
struct ServeOptions: ParsableArguments {
    @Option(help: "The configuration file, or none (default: \(ServerSettings.standardFile), where it exists).")
    var config: String?
    @Option(help: "HOST:PORT to listen on (default: 127.0.0.1:8756).") var listen: String?
    @Option(name: .customLong("public-url"), help: "The address that people use: https://HOST[:PORT].")
    var publicURL: String?
    @Option(
        name: .customLong("probe-urls"),
        help: "The same site by names of one address family each, separated by commas.")
    var probeURLs: String?
    @Flag(inversion: .prefixedNo, help: "Let agents link to this node (the default), and fetch their package.")
    var allowAgents: Bool?
    @Option(name: .customLong("agent-url"), help: "The address that new agents are told to dial (default: PublicURL).")
    var agentURL: String?
    @Option(help: "Where files declare agents: an absolute path (default: /opt/knocknoc/etc/agents.d).")
    var agentsDir: String?
    @Option(help: "Packages of the agent, for whoever holds an agent's token: an absolute path.") var downloadDir:
        String?
    @Option(help: "Proxies whose X-Forwarded-For is believed: networks, separated by commas, or none.")
    var trustedForwarders: String?
    @Flag(inversion: .prefixedNo, help: "Let TrustedForwarders be a /0: only where nobody else can reach this port.")
    var allowAnyForwarder: Bool?
    @Option(name: .customLong("database-url"), help: "postgres://USER@HOST/NAME or sqlite:///PATH.")
    var databaseURL: String?
    @Option(
        name: .customLong("listen-url"), help: "The way past a pooler, for events only: postgres://USER@HOST/NAME.")
    var listenURL: String?
    @Flag(
        inversion: .prefixedNo,
        help: "Keep an agent for this machine as a child (default: if --data-dir is given and no database URL).")
    var allInOne: Bool?
    @Option(help: "Where the database file, our certificate and the agent's state are.") var dataDir: String?
    @Option(help: "What that agent changes (default: the firewall): dry-run changes nothing, none starts no agent.")
    var agentBackend: String?
    @Flag(
        name: .customLong("tls-self-signed"), inversion: .prefixedNo,
        help: "Serve https with a certificate of our own making; its fingerprint is printed.")
    var tlsSelfSigned: Bool?
    @Option(name: .customLong("tls-san"), help: "Names and addresses in that certificate, separated by commas.")
    var tlsSAN: String?
    @Option(help: "The certificate chain in PEM, by its absolute path.") var tlsCertificate: String?
    @Option(help: "The certificate's key in PEM, by its absolute path.") var tlsKey: String?
    @Flag(
        name: .customLong("insecure-http"), inversion: .prefixedNo,
        help: "Let people sign in over plain HTTP beyond this machine; every page says so.")
    var insecureHTTP: Bool?
    @Option(help: "A label for this node: 1 to 63 letters, digits, dots, - or _.") var zone: String?
    @Option(help: "This node's name (default: the host's).") var nodeName: String?
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel: String?
    @Option(help: "How long /health says 503 before a stop, in seconds.") var drainSeconds: String?
    @Option(help: "Days without use after which an API key is disabled, or none.") var apiTokenIdleDays: String?
    @Flag(help: .hidden) var sample = false

    func settings() throws -> ServerSettings {
        typealias Key = ServerSettings.Key
        var settings = try SettingsLayers.read(
            config: config,
            flags: [
                (Key.listen, listen), (Key.publicURL, publicURL), (Key.probeURLs, probeURLs),
                (Key.trustedForwarders, trustedForwarders),
                (Key.databaseURL, databaseURL), (Key.listenURL, listenURL), (Key.allInOne, text(allInOne)),
                (Key.dataDir, dataDir),
                (Key.agentBackend, agentBackend), (Key.tlsSelfSigned, text(tlsSelfSigned)),
                (Key.allowAgents, text(allowAgents)), (Key.agentURL, agentURL),
                (Key.agentsDir, agentsDir), (Key.downloadDir, downloadDir),
                (Key.allowAnyForwarder, text(allowAnyForwarder)),
                (Key.insecureHTTP, text(insecureHTTP)), (Key.zone, zone),
                (Key.tlsSAN, tlsSAN), (Key.tlsCertificate, tlsCertificate), (Key.tlsKey, tlsKey),
                (Key.nodeName, nodeName), (Key.logLevel, logLevel), (Key.drainSeconds, drainSeconds),
                (Key.apiTokenIdleDays, apiTokenIdleDays),
            ])
        settings.sample = sample
        try AgentsDirectory.read(into: &settings)
        return settings
    }

    private func text(_ flag: Bool?) -> String? { flag.map { $0 ? "true" : "false" } }
}
