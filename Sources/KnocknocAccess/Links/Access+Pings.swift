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
        guard let answer = try await ask(id, within: options.pingPatience) else { return .silent }
        return .pong(roundTrip: answer.roundTrip, node: answer.node)
    }

    /// The last lines of an agent's log, asked for as ``ping(_:)`` asks.
    ///
    /// - Parameter lines: at most; an agent keeps 200.
    /// - Throws: ``AccessError`` not found.
    public func log(of id: AgentID, lines: Int = 200) async throws -> LogOutcome {
        let agent = try await agent(id)
        guard agent.isLinked else { return .offline(lastSeen: agent.lastSeenAt) }
        guard let answer = try await ask(id, within: options.pingPatience, logLines: lines) else { return .silent }
        guard let log = answer.log else { return .untold(version: agent.software ?? "") }
        return .lines(log.split(separator: "\n").suffix(lines).map(String.init), node: answer.node)
    }

    /// Asks over the link that stands, whatever the agent's status.
    ///
    /// - Returns: nil where no answer came in time.
    func ask(
        _ id: AgentID, within patience: Duration, logLines: Int? = nil
    ) async throws -> (roundTrip: Duration, node: String, log: String?)? {
        let deadline = ContinuousClock.now + patience
        let ping: PingID = new()
        try await write(WriteOptions(durability: .hasty)) { tx in
            try await tx.run([PingTable.ask(ping, of: id, logLines: logLines)])
            return ((), Effects())
        }
        database.announce(.pings([id]))
        var pause = Duration.milliseconds(5)
        while ContinuousClock.now < deadline {
            if let row = try await database.run(PingTable.read(ping)).first, try !row.isNull("node") {
                return (
                    .microseconds(try row.integer("round_trip")), try row.text("node"),
                    try row.optional("log", row.text)
                )
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(100))
        }
        return nil
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
                PingRequest(
                    id: try row.identifier("id"), agent: try row.identifier("agent_id"),
                    logLines: try row.optional("log_lines", row.integer).map { Int($0) })
            }
            if rows.count < page { return requests }
        }
    }

    /// The agent has answered over a link of that node.
    public func answer(_ ping: PingID, _ answer: PingAnswer, node: String) async throws {
        let microseconds = Int64(answer.roundTrip / .microseconds(1))
        let log = answer.log?.suffix(200).map(LogOutcome.plain).joined(separator: "\n")
        try await write(WriteOptions(durability: .hasty)) { tx in
            try await tx.run([PingTable.answer(ping, node: node, roundTrip: microseconds, log: log)])
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
