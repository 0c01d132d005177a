import KnocknocModel
import KnocknocStore

extension Access {
    /// Web nodes and agents, as they are now.
    public func clusterState() async throws -> ClusterState {
        let now = try await clock(database)
        let nodes = try await database.run(NodeTable.list()).map { row in
            ClusterState.Node(
                name: try row.text("name"), version: try row.text("version"),
                startedAt: try row.timestamp("started_at"), seenAt: try row.timestamp("seen_at"),
                sweptAt: try row.optional("swept_at", row.timestamp), isAlive: try row.bool("alive"),
                agents: try row.integer("agents"), zone: try row.optional("zone", row.text))
        }
        var agents: [AgentRecord] = []
        while true {
            let more = try await listAgents(after: agents.last?.id, limit: 1000)
            agents += more
            if more.count < 1000 { return ClusterState(nodes: nodes, agents: agents, now: now) }
        }
    }
}
