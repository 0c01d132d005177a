public import KnocknocSystem

/// What somebody asks for on the command line; what is not named stays as it is.
public struct LoadBalancerChange: Sendable {
    public var nodes: [NamedEndpoint] = []
    public var removedNodes: [String] = []
    public var peers: [NamedEndpoint] = []
    public var removedPeers: [String] = []
    public var binds: [FrontAddress] = []
    /// A PEM file of chain and key; nil keeps what is there, or makes one.
    public var certificate: String?
    public var httpOnly = false

    public init() {}

    public var isEmpty: Bool {
        nodes.isEmpty && removedNodes.isEmpty && peers.isEmpty && removedPeers.isEmpty && binds.isEmpty
            && certificate == nil && !httpOnly
    }

    /// The plan after this change.
    ///
    /// - Parameters:
    ///   - plan: what is there; nil where nothing is.
    ///   - standard: every address of this machine's families, and where a certificate of our own would be.
    /// - Returns: the plan, in which a node that is new or has moved is `pinned` or `plain` by where it is, and what
    ///   was asked for and is so already.
    /// - Throws: ``SystemError`` `invalid` where no working load balancer would be left.
    public func applied(
        to plan: LoadBalancerPlan?, standard: (binds: [FrontAddress], certificate: String)
    ) throws(SystemError) -> (plan: LoadBalancerPlan, notes: [String]) {
        var plan =
            plan
            ?? LoadBalancerPlan(nodes: [], peers: [], binds: [], front: .tls(certificate: standard.certificate))
        var notes: [String] = []
        for name in removedNodes {
            if plan.nodes.contains(where: { $0.name == name }) {
                plan.nodes.removeAll { $0.name == name }
            } else {
                notes.append("\(name) is not among the nodes; there is nothing to remove")
            }
        }
        for name in removedPeers { plan.peers.removeAll { $0.name == name } }
        // Two HAProxy machines are the fewest that share; the last one left is alone.
        if plan.peers.count == 1, peers.isEmpty { plan.peers = [] }
        for node in nodes {
            let trust: WebNode.Trust = node.endpoint.isLoopback ? .plain : .pinned
            let new = WebNode(name: node.name, endpoint: node.endpoint, trust: trust)
            guard let index = plan.nodes.firstIndex(where: { $0.name == node.name }) else {
                plan.nodes.append(new)
                continue
            }
            if plan.nodes[index].endpoint != node.endpoint { plan.nodes[index] = new }
        }
        for peer in peers {
            plan.peers.removeAll { $0.name == peer.name }
            plan.peers.append(peer)
        }
        plan.peers.sort { $0.name < $1.name }
        if !binds.isEmpty { plan.binds = binds }
        if plan.binds.isEmpty { plan.binds = standard.binds }
        if httpOnly { plan.front = .http }
        if let certificate { plan.front = .tls(certificate: certificate) }
        try plan.check()
        return (plan, notes)
    }
}
