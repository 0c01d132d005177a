import Lab

/// A site that grows on one rack, as sites do: first one node, then three behind a load balancer.
actor HostedSite {
    nonisolated let rack: Rack
    private var single: Task<SingleNode, any Error>?
    private var three: Task<ThreeNodes, any Error>?
    private var database: Task<DatabaseSite, any Error>?
    private var hired: Task<Crew, any Error>?

    init(on rack: Rack) { self.rack = rack }

    /// One node with its own Postgres, and the agent on a host of its own.
    func singleNode() async throws -> SingleNode {
        if let single { return try await single.value }
        let task = Task { try await SingleNode.make(on: rack) }
        single = task
        return try await task.value
    }

    /// A database and a node on one machine, and a node for the people on another.
    func databaseSite() async throws -> DatabaseSite {
        if let database { return try await database.value }
        let task = Task { try await DatabaseSite.make(on: rack) }
        database = task
        return try await task.value
    }

    /// Two nodes more on the first one's Postgres, and a load balancer in front of all three.
    func threeNodes() async throws -> ThreeNodes {
        if let three { return try await three.value }
        let single = try await singleNode()
        let task = Task { try await ThreeNodes.make(from: single, on: rack) }
        three = task
        return try await task.value
    }

    /// 200 people with their Knocs, at the three nodes.
    func crew() async throws -> Crew {
        if let hired { return try await hired.value }
        let site = try await threeNodes()
        let task = Task { try await Crew.hire(at: site) }
        hired = task
        return try await task.value
    }
}
