/// Where the reverse proxy and the agent of this machine keep their things.
public struct ReverseProxyLayout: Sendable {
    /// Put before every path; empty on a real machine, a folder in tests.
    public var root: String
    /// HAProxy's own file.
    public var configuration: String
    /// The agent's own file.
    public var agentConfiguration: String
    /// The data folder of an all-in-one, whose agent is meant; nil: the agent of this machine's package.
    public var dataDirectory: String?

    /// - Parameters:
    ///   - configuration: of HAProxy; Debian's, unless given.
    ///   - agentConfiguration: of the agent; its package's, unless given.
    public init(
        root: String = "", configuration: String? = nil, agentConfiguration: String? = nil,
        dataDirectory: String? = nil
    ) {
        self.root = root
        self.configuration = configuration ?? root + "/etc/haproxy/haproxy.cfg"
        self.agentConfiguration = agentConfiguration ?? root + "/opt/knocknoc-agent/etc/knocknoc.conf"
        self.dataDirectory = dataDirectory
    }

    /// The folder that Debian's tmpfiles make, and our socket in it.
    var run: String { root + "/run/haproxy" }
    var socket: String { run + "/knocknoc-door.sock" }
    /// What the agent allows unless its file says otherwise.
    static let standardSockets = "/run/haproxy/"
    var agentData: String { root + "/var/lib/knocknoc-agent" }
}
