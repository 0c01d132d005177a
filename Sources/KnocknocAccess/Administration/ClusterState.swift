public import KnocknocModel

/// The processes of a site, as its database knows them.
public struct ClusterState: Sendable {
    public struct Node: Sendable {
        public var name: String
        public var version: String
        public var startedAt: Timestamp
        public var seenAt: Timestamp
        /// When it last ended what had expired.
        public var sweptAt: Timestamp?
        /// Whether it was heard of within the last minute.
        public var isAlive: Bool
        /// How many agents are linked to it.
        public var agents: Int64
        /// The zone that its settings name.
        public var zone: String?
    }

    public var nodes: [Node]
    public var agents: [AgentRecord]
    /// The database's time.
    public var now: Timestamp

    public init(nodes: [Node], agents: [AgentRecord], now: Timestamp) {
        self.nodes = nodes
        self.agents = agents
        self.now = now
    }

    /// The living node that swept last.
    public var sweeper: Node? {
        nodes.filter { $0.isAlive && $0.sweptAt != nil }.max { ($0.sweptAt ?? now) < ($1.sweptAt ?? now) }
    }
}
