import ArgumentParser
import KnocknocAgent
import KnocknocModel

/// The settings as flags; a flag beats the environment, which beats the file.
struct SettingsOptions: ParsableArguments {
    @Option(help: "The configuration file, or none (default: \(AgentConfiguration.standardFile), where it exists).")
    var config: String?
    @Option(help: "Where the servers are, separated by commas: https://HOST[:PORT].")
    var serverURL: String?
    @Option(help: "Further hosts that a server may send this agent to: names, *.DOMAIN, separated by commas.")
    var serverHosts: String?
    @Option(help: "A file that holds the token; - is standard input. A token is never given as a flag.")
    var tokenFile: String?
    @Option(help: "This agent's id; a server that takes it for another one is refused.")
    var id: String?
    @Option(help: "A name to be known by.") var name: String?
    @Option(help: "The zone this agent stands in.") var zone: String?
    @Option(help: "Where entries and guards are remembered, or none.") var stateFile: String?
    @Option(help: "Where this agent's keys are kept.") var keyFile: String?
    @Option(help: "Where guards are written for the next boot, or none.") var guardFile: String?
    @Option(help: "Where GET /health is answered: a loopback ADDRESS:PORT, or none.") var healthListen: String?
    @Option(help: "Where devices fetch allow lists: ADDRESS:PORT, such as 127.0.0.1:8758, or none (default).")
    var allowListListen: String?
    @Option(name: .customLong("tls-ca-file"), help: "Authorities to trust instead of the system's, in PEM.")
    var tlsCAFile: String?
    @Option(help: "SHA-256 of the servers' certificates, separated by commas; trusts those alone.")
    var tlsFingerprint: String?
    @Flag(name: .customLong("insecure-http"), inversion: .prefixedNo, help: "Use http:// beyond this machine, too.")
    var insecureHTTP: Bool?
    @Option(help: "Networks that no guard keeps out, separated by commas.") var alwaysAllow: String?
    @Option(help: "Ports that no server may guard, separated by commas.") var neverGuard: String?
    @Flag(inversion: .prefixedNo, help: "Make sets of ipset that a Knoc names and that are not there.")
    var createSets: Bool?
    @OptionGroup var ceilings: CeilingOptions
    @Flag(
        name: .customLong("trust-rtc"), inversion: .prefixedNo,
        help: "Believe an unsynchronised clock after a reboot.")
    var trustRTC: Bool?
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel: String?
    @Option(help: "nftables or dry-run.") var backend: String?

    /// Every setting with the place it came from.
    ///
    /// - Throws: ``ConfigurationError``, and ``AgentError`` for a file that was named and cannot be read.
    func settings() throws -> Settings { try SettingsLayers.merged(config: config, flags: flags) }

    private var flags: [(SettingKey, String?)] {
        ceilings.flags + [
            (AgentConfiguration.Key.serverURL, serverURL), (AgentConfiguration.Key.serverHosts, serverHosts),
            (AgentConfiguration.Key.tokenFile, tokenFile),
            (AgentConfiguration.Key.id, id), (AgentConfiguration.Key.name, name), (AgentConfiguration.Key.zone, zone),
            (AgentConfiguration.Key.stateFile, stateFile), (AgentConfiguration.Key.keyFile, keyFile),
            (AgentConfiguration.Key.guardFile, guardFile), (AgentConfiguration.Key.healthListen, healthListen),
            (AgentConfiguration.Key.allowListListen, allowListListen),
            (AgentConfiguration.Key.tlsCAFile, tlsCAFile), (AgentConfiguration.Key.tlsFingerprint, tlsFingerprint),
            (AgentConfiguration.Key.insecureHTTP, insecureHTTP.map(String.init)),
            (AgentConfiguration.Key.alwaysAllow, alwaysAllow),
            (AgentConfiguration.Key.neverGuard, neverGuard),
            (AgentConfiguration.Key.createSets, createSets.map(String.init)),
            (AgentConfiguration.Key.trustRTC, trustRTC.map(String.init)),
            (AgentConfiguration.Key.logLevel, logLevel), (AgentConfiguration.Key.backend, backend),
        ]
    }
}
