import ArgumentParser
import KnocknocAgent
import KnocknocModel

/// How far any server may go on this machine, as flags.
struct CeilingOptions: ParsableArguments {
    @Option(help: "The backends that a server may use, separated by commas.") var allowBackends: String?
    @Option(help: "The tables whose sets a server may use, such as 'inet filter', separated by commas.")
    var allowTables: String?
    @Option(help: "The sets that a server may use, of nftables and ipset, separated by commas.") var allowSets: String?
    @Option(help: "The ports that a server may guard or name, such as 443,8000-8100.") var allowPorts: String?
    @Option(help: "How long an address may be open on one decision of a server, such as 8h.") var maxDuration: String?
    @Option(help: "How many addresses may be open at once, each counted once for each target.") var maxEntries: String?
    @Option(help: "The shortest IPv6 prefix that may stand for one client, such as /64 (default: /128).")
    var maxPrefix: String?
    @Flag(inversion: .prefixedNo, help: "Let a server have scripts of this machine called.") var customScripts: Bool?
    @Option(help: "The folder that such scripts must be in, at any depth.") var scriptDirectory: String?
    @Option(help: "The variables that a server may give them, such as 'HOST, FW_*', or none.") var scriptVariables:
        String?
    @Option(help: "How long one call of a script may take, 1 to 600.") var scriptSeconds: String?
    @Option(name: .customLong("haproxy-folder"), help: "The folder in which lists of HAProxy are written.")
    var haproxyFolder: String?
    @Option(
        name: .customLong("haproxy-sockets"),
        help: "HAProxy's runtime sockets, or folders with / at the end, separated by commas.")
    var haproxySockets: String?

    var flags: [(SettingKey, String?)] {
        [
            (AgentConfiguration.Key.allowBackends, allowBackends), (AgentConfiguration.Key.allowTables, allowTables),
            (AgentConfiguration.Key.allowSets, allowSets), (AgentConfiguration.Key.allowPorts, allowPorts),
            (AgentConfiguration.Key.maxDuration, maxDuration), (AgentConfiguration.Key.maxEntries, maxEntries),
            (AgentConfiguration.Key.maxPrefix, maxPrefix),
            (AgentConfiguration.Key.customScripts, customScripts.map(String.init)),
            (AgentConfiguration.Key.scriptDirectory, scriptDirectory),
            (AgentConfiguration.Key.scriptVariables, scriptVariables),
            (AgentConfiguration.Key.scriptSeconds, scriptSeconds),
            (AgentConfiguration.Key.haproxyFolder, haproxyFolder),
            (AgentConfiguration.Key.haproxySockets, haproxySockets),
        ]
    }
}
