import KnocknocHAProxy

/// Where HAProxy and our part of it keep their things.
public struct HAProxyLayout: Sendable {
    /// Put before every path; empty on a real machine, a folder in tests and while an image is built.
    public var root: String
    /// HAProxy's own file.
    public var configuration: String

    /// - Parameter configuration: of HAProxy; Debian's, unless given.
    public init(root: String = "", configuration: String? = nil) {
        self.root = root
        self.configuration = configuration ?? root + "/etc/haproxy/haproxy.cfg"
    }

    /// What our part refers to: the page for when no node answers, and the certificates of nodes.
    public var folder: String { root + "/etc/haproxy/knocknoc" }
    public var page: String { folder + "/unavailable.html" }
    public func pin(_ node: String) -> String { "\(folder)/node-\(node).pem" }
    /// A certificate and key that we make where none is given.
    public var certificate: String { InstallLayout(root: root).certificates + "/haproxy.pem" }

    /// What a new worker takes over from the one before.
    public var states: String { root + "/var/lib/haproxy/knocknoc" }
    public func state(_ backend: String) -> String { "\(states)/\(backend).state" }

    /// The folder that Debian's tmpfiles make, and our socket in it.
    public var run: String { root + "/run/haproxy" }
    public var socket: String { run + "/knocknoc.sock" }

    static let marks = HAProxyMarks(begin: "# >>> knocknoc", end: "# <<< knocknoc", remedy: "use --init")
}
