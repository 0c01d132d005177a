public import KnocknocSystem

/// What our part of haproxy.cfg is made from; it is written into that part as comments, so that the file is all there
/// is to know.
public struct LoadBalancerPlan: Hashable, Sendable {
    /// What browsers and agents meet.
    public enum Front: Hashable, Sendable {
        /// A PEM file of chain and key.
        case tls(certificate: String)
        /// No TLS at all: for a test, or behind something else that ends it.
        case http
    }

    public var nodes: [WebNode]
    /// All HAProxy machines of the site, this one too; none where there is but one.
    public var peers: [NamedEndpoint]
    public var binds: [FrontAddress]
    public var front: Front

    public init(nodes: [WebNode], peers: [NamedEndpoint], binds: [FrontAddress], front: Front) {
        self.nodes = nodes
        self.peers = peers
        self.binds = binds
        self.front = front
    }

    var standardPort: Int { front == .http ? 80 : 443 }

    /// The addresses and ports that HAProxy will hold for us: the fronts, and port 80 beside a 443 for the redirect.
    public var listeners: [FrontAddress] {
        var all: [FrontAddress] = []
        for bind in binds {
            let port = bind.port ?? standardPort
            all.append(FrontAddress(bind.address, port: port))
            if front != .http, port == 443 { all.append(FrontAddress(bind.address, port: 80)) }
        }
        return all
    }

    /// - Throws: ``SystemError`` `invalid` where it would make no working load balancer.
    public func check() throws(SystemError) {
        guard !nodes.isEmpty else {
            throw SystemError(.invalid, "there is no web node; expected at least one --node NAME=HOST:PORT")
        }
        for (what, names) in [("node", nodes.map(\.name)), ("peer", peers.map(\.name))] {
            if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
                throw SystemError(.invalid, "two --\(what) are named \(twice); expected a name for each")
            }
        }
        let endpoints = nodes.map(\.endpoint)
        if let twice = endpoints.first(where: { one in endpoints.count { $0 == one } > 1 }) {
            let names = nodes.filter { $0.endpoint == twice }.map(\.name).joined(separator: " and ")
            throw SystemError(.invalid, "\(names) are both at \(twice); expected an address and port for each")
        }
        if peers.count == 1 {
            throw SystemError(
                .invalid, "one --peer alone shares with nobody; expected every HAProxy machine, this one too")
        }
        if case .tls(let path) = front, !Self.isPlain(path) {
            throw SystemError(
                .invalid, "--certificate \"\(path)\": expected an absolute path without spaces, quotes or #")
        }
    }

    /// Whether a path can stand in HAProxy's configuration and in our comments as it is.
    static func isPlain(_ path: String) -> Bool {
        path.hasPrefix("/") && path.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"\"'\\#$".utf8.contains($0) }
    }
}
