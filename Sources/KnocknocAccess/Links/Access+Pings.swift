public import KnocknocModel
public import KnocknocProtocol
import KnocknocStore

extension Access {
    /// Asks an agent whether it answers, over whichever node's link it has. The question goes through the store, in the
    /// same way from a node, its neighbour and a command that has the database alone.
    ///
    /// - Throws: ``AccessError`` not found.
    public func ping(_ id: AgentID) async throws -> PingOutcome {
        let agent = try await agent(id)
        guard agent.isLinked else { return .offline(lastSeen: agent.lastSeenAt) }
        return try await ask(id, within: options.pingPatience)
    }

    /// Asks over the link that stands, whatever the agent's status.
    func ask(_ id: AgentID, within patience: Duration) async throws -> PingOutcome {
        let deadline = ContinuousClock.now + patience
        let ping: PingID = new()
        try await write(WriteOptions(durability: .hasty)) { tx in
            try await tx.run([PingTable.ask(ping, of: id)])
            return ((), Effects())
        }
        database.announce(.pings([id]))
        var pause = Duration.milliseconds(5)
        while ContinuousClock.now < deadline {
            if let row = try await database.run(PingTable.read(ping)).first, try !row.isNull("node") {
                return .pong(
                    roundTrip: .microseconds(try row.integer("round_trip")), node: try row.text("node"))
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(100))
        }
        return .silent
    }

    /// Pings that somebody waits for: all of them, since those that nobody can answer, of agents that are silent or have
    /// a twin, must not stand before others.
    ///
    /// - Parameter page: how many are read at once.
    public func waitingPings(page: Int = 256) async throws -> [PingRequest] {
        let patience = Int64(options.pingPatience / .microseconds(1))
        var requests: [PingRequest] = []
        while true {
            let statement = PingTable.waiting(after: requests.last?.id, patience: patience, limit: page)
            let rows = try await database.run(statement)
            requests += try rows.map { row in
                PingRequest(id: try row.identifier("id"), agent: try row.identifier("agent_id"))
            }
            if rows.count < page { return requests }
        }
    }

    /// The agent has answered over a link of that node.
    public func answer(_ ping: PingID, roundTrip: Duration, node: String) async throws {
        let microseconds = Int64(roundTrip / .microseconds(1))
        try await write(WriteOptions(durability: .hasty)) { tx in
            try await tx.run([PingTable.answer(ping, node: node, roundTrip: microseconds)])
            return ((), Effects())
        }
    }

    /// Has an agent told everything anew, wherever its link hangs, and on its return where it has none: its position
    /// counts no more.
    ///
    /// - Throws: ``AccessError`` not found.
    public func resync(_ id: AgentID, by actor: Actor, _ context: RequestContext?) async throws -> AgentRecord {
        try await write { tx in
            let agent = try await agent(id, tx)
            let now = late
            try await tx.run(
                bump([id]) + note([id], at: now) + [
                    AgentTable.forgetPositions(id),
                    try audit(
                        AuditLine("agent.resync", by: actor, ("agent", id.description, agent.name)), at: now, context),
                ])
            return (agent, Effects(agents: [id]))
        }
    }
}
