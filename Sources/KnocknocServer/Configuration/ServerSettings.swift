public import KnocknocAccess
public import KnocknocModel
public import Logging

/// Everything that `knocknoc serve` can be told, checked.
public struct ServerSettings: Sendable {
    public enum TLS: Hashable, Sendable {
        /// Plain HTTP.
        case none
        /// A certificate chain and its key in PEM files.
        case files(certificate: String, key: String)
        /// A certificate that the server makes for itself and keeps in its data directory.
        case selfSigned(names: [String])
    }

    /// What the embedded agent does to this machine's firewall.
    public enum AgentBackend: String, Sendable {
        /// nftables where this process may change it, else dry-run.
        case automatic
        /// Nothing is changed.
        case dryRun = "dry-run"
        /// No embedded agent is started.
        case none
    }

    public var listen: ListenAddress
    public var publicURL: WebOrigin?
    /// The same site by names of one address family each, where a browser shows its address of that family.
    public var probeURLs: [WebOrigin]
    public var trustedForwarders: [CIDR]
    public var databaseURL: String
    /// A way past a pooler, for Postgres' events only.
    public var listenURL: String?
    /// Absolute; holds the SQLite file, the self-signed certificate and the embedded agent's state.
    public var dataDirectory: String
    /// What protects the site's data key.
    public var keyProtection: KeyProtection
    public var zone: String?
    public var nodeName: String
    public var logLevel: Logger.Level
    public var insecureHTTP: Bool
    /// Whether agents may link here, and fetch their package.
    public var allowAgents: Bool
    public var agentURL: WebOrigin?
    /// Absolute; where files declare agents, one each. nil: the usual place, where it is there.
    public var agentsDirectory: String?
    /// What they declare.
    public var declaredAgents: [DeclaredAgent]
    /// SHA-256 of tokens with which agents may come before anybody has made them here.
    public var agentTokens: Set<[UInt8]>
    /// Absolute; where packages of the agent are for whoever holds an agent's token.
    public var downloadDirectory: String?
    /// How long `/health` answers 503 before the server stops accepting, in seconds.
    public var drainSeconds: Int
    /// Days without use after which an API key ends; nil where it does not.
    public var apiTokenIdleDays: Int?
    public var tls: TLS
    public var agentBackend: AgentBackend
    public var allInOne: Bool
    /// The demo of `./dev run`: a user, a group, a Knoc and a port of our own that it guards.
    public var sample: Bool

    public init(
        listen: ListenAddress, databaseURL: String, dataDirectory: String, nodeName: String
    ) {
        self.listen = listen
        publicURL = nil
        probeURLs = []
        trustedForwarders = Self.standardForwarders
        self.databaseURL = databaseURL
        listenURL = nil
        self.dataDirectory = dataDirectory
        keyProtection = .notGiven
        zone = nil
        self.nodeName = nodeName
        logLevel = .info
        insecureHTTP = false
        allowAgents = true
        agentURL = nil
        agentsDirectory = nil
        declaredAgents = []
        agentTokens = []
        downloadDirectory = nil
        drainSeconds = 5
        apiTokenIdleDays = 90
        tls = .none
        agentBackend = .automatic
        allInOne = false
        sample = false
    }

    public static let standardForwarders = [CIDR(IPAddress.v4(0x7f00_0001))]
    public static let standardFile = "/opt/knocknoc/etc/knocknoc.conf"
    public static let standardAgentsDirectory = "/opt/knocknoc/etc/agents.d"
    public static let standardDataDirectory = "/var/lib/knocknoc"
    public static let environmentPrefix = "KNOCKNOC"

    /// Whether a variable `KNOCKNOC_…` is not meant for the server: the agent's, the installer's, ours of tests, or what Kubernetes and
    /// Docker set for a service of this name.
    public static func isForeign(variable name: String) -> Bool {
        let rest = name.dropFirst(environmentPrefix.count + 1)
        return ["AGENT_", "SETUP_", "TEST", "BENCH_", "LAB_", "SCHEDULE", "SERVICE_", "PORT_"].contains(
            where: rest.hasPrefix)
            || ["ROLE", "BIN", "PICTURES", "PORT"].contains(rest)
    }
}
