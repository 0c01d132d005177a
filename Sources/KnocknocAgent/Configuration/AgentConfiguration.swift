public import KnocknocEnforcement
public import KnocknocModel
public import Logging

/// Everything the agent is told by its own machine: the ceiling of what any server can make it do.
public struct AgentConfiguration: Sendable {
    public enum BackendChoice: String, Sendable {
        /// The kernel is changed.
        case nftables
        /// Nothing is changed anywhere, and every state says so.
        case dryRun = "dry-run"
    }

    public struct Listen: Hashable, Sendable {
        public var host: String
        /// 0 takes any free port.
        public var port: Int

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    /// Tried in turn, for ever.
    public var servers: [ServerURL]
    /// Further names of hosts that a server may send this agent to.
    public var serverHosts: [HostPattern]
    public var token: Token
    /// Refuses a server that takes this agent for another one.
    public var id: AgentID?
    public var name: String?
    public var zone: String?
    /// nil keeps no state: after a restart everything is closed until a server speaks.
    public var stateFile: String?
    public var keyFile: String
    public var guardFile: String?
    public var healthListen: Listen?
    /// Where allow lists are served; nil serves none.
    public var allowListListen: Listen?
    public var tlsCAFile: String?
    /// SHA-256 of certificates, any of which a server may show; they decide alone where there are some.
    public var tlsFingerprints: [[UInt8]]
    public var alwaysAllow: [CIDR]
    public var neverGuard: [UInt16]
    /// Whether sets of ipset that a Knoc names and that are not there are made.
    public var createSets: Bool
    public var ceilings: Ceilings
    /// How long any address may be open on one decision of a server, in milliseconds; nil for as long as it says.
    public var maxDuration: Int64?
    /// How long one call of a script may take.
    public var scriptSeconds: Int
    /// The one folder in which lists of HAProxy are written; nil where there is none, and nothing is written.
    public var haproxyFolder: String?
    /// Runtime sockets that may be spoken to; one that ends with `/` stands for all in that folder.
    public var haproxySockets: [String]
    /// Whether the clock is believed after a reboot although nothing has synchronised it.
    public var trustRTC: Bool
    public var logLevel: Logger.Level
    public var backend: BackendChoice

    /// The least that an agent needs; everything else is at its default, without files and health listener.
    public init(servers: [ServerURL], token: Token, keyFile: String, stateFile: String? = nil) {
        self.servers = servers
        serverHosts = []
        self.token = token
        self.stateFile = stateFile
        self.keyFile = keyFile
        tlsFingerprints = []
        alwaysAllow = []
        neverGuard = []
        createSets = false
        ceilings = Ceilings()
        scriptSeconds = 10
        haproxySockets = HAProxyOptions.standardSockets
        trustRTC = false
        logLevel = .info
        backend = .nftables
    }
}
