import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Logging

extension Access {
    /// Brings the Knocs that follow zones in line with the agents as they are now: those for which something may have
    /// changed since this node last looked. Where they are, nothing is written.
    ///
    /// One transaction changes a page of agents (``AccessOptions/zonePage``); between two of them a Knoc is more closed
    /// than it is going to be, never more open.
    ///
    /// - Parameter leavingSilent: whether a Knoc that is enforced on one agent of each zone leaves one that has not been
    ///   heard of.
    public func rezone(leavingSilent: Bool = false) async throws {
        let heardSince = late.adding(seconds: -Access.silence)
        let read = try await database.run([ZoneTable.knocs(), ZoneTable.census(heardSince: heardSince)])
        guard !read[0].isEmpty, let sums = read[1].first else { return }
        let census = ZoneWatch.Census(
            agents: try sums.integer("agents"), changes: try sums.integer("changes"), heard: try sums.integer("heard"))
        let followers = try read[0].map { row in
            ZoneWatch.Follower(
                id: try row.identifier("id"), version: try row.integer("version"),
                placement: Placement(rawValue: try row.text("placement")) ?? .all)
        }
        let due = zoneWatch.due(followers, census, leavingSilent: leavingSilent)
        guard !due.isEmpty else { return }
        let agents = try await zonedAgents(isCounted: due.contains { $0.placement == .one }, database)
        var failure: (any Error)?
        for follower in due {
            do {
                if try await rezone(follower.id, agents, leavingSilent: leavingSilent) {
                    zoneWatch.note(follower, census, leavingSilent: leavingSilent)
                }
            } catch {
                // One that cannot be brought in line keeps no other from it.
                logger.warning(
                    "a Knoc could not follow its zones", metadata: ["knoc": "\(follower.id)", "error": "\(error)"])
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    /// - Parameter agents: all of them, as read a moment ago.
    /// - Returns: whether it is in line; not where somebody else was changing the same, and it is to be looked at again.
    private func rezone(
        _ id: KnocID, _ agents: [ZonedAgent], leavingSilent: Bool
    ) async throws -> Bool {
        var agents = agents
        while let step = try await step(of: id, agents, leavingSilent: leavingSilent, database) {
            let turns = step.turns(options.zonePage)
            guard let first = turns.first else { return true }
            guard step.terms.placement == .one else {
                // Every agent stands for itself: what was seen once is done in turns.
                for turn in turns {
                    guard try await take(turn, of: id, .all, leavingSilent: leavingSilent) else { return false }
                }
                return true
            }
            guard try await take(first, of: id, .one, leavingSilent: leavingSilent) else { return false }
            agents = try await zonedAgents(isCounted: true, database)
        }
        return true
    }

    /// - Returns: whether there was anything to be done.
    private func take(
        _ turn: [AgentID], of id: KnocID, _ placement: Placement, leavingSilent: Bool
    ) async throws -> Bool {
        try await write { tx in
            // What grants on it are under way start anew.
            let known = try await tx.run(KnocTable.hold(id))
            let now = try await zonedAgents(turn, placement, tx)
            let alone = placement == .all ? now.map(\.id) : nil
            guard !known.isEmpty,
                let step = try await step(of: id, now, alone: alone, leavingSilent: leavingSilent, tx),
                step.terms.placement == placement, !step.agents.isDisjoint(with: turn)
            else { return (false, Effects()) }
            return (true, try await follow(id, step, step.agents.intersection(turn), tx))
        }
    }

    private func follow(
        _ id: KnocID, _ step: ZoneStep, _ agents: Set<AgentID>, _ tx: any Transaction
    ) async throws -> Effects {
        let now = late
        let line = AuditLine(
            "knoc.follow_zones", by: .system, ("knoc", id.description, step.name),
            ["agents": agents.sorted().map(\.description).joined(separator: " ")])
        try await tx.run(try audit(line, at: now, nil))
        return try await enforce(id, step.terms, step.spots, step.held, on: agents, at: now, follows: true, tx)
    }

    /// The same after a change that is committed already; what fails is done by the next sweep.
    func followZones() async {
        do { try await rezone() } catch {
            logger.warning("zones could not be followed; the sweep does it", metadata: ["error": "\(error)"])
        }
    }

    /// Writes down in which zone an agent says it is. What follows from that is the sweeper's to do, within a second: agents
    /// that come all at once wait for none of it, and all of them are one look.
    func noteZone(of agent: AgentID, _ hello: AgentMessage.Hello) async throws {
        let zone = hello.capabilities["zone"].flatMap { try? ZoneSelection.checkedName($0, "zone") }
        let isEdge = hello.edge ?? false
        let news = try await database.run(ZoneTable.isNews(agent, zone: zone, isEdge: isEdge))
        guard !news.isEmpty else { return }
        try await write { tx in
            try await tx.run([ZoneTable.note(agent, zone: zone, isEdge: isEdge, now: late)])
            return ((), Effects())
        }
        zoneWatch.agentHasMoved()
    }

    /// All agents where the terms need them.
    func zonedAgents(_ terms: EnforcementTerms, _ executor: any Executor) async throws -> [ZonedAgent] {
        guard terms.isZoned else { return [] }
        return try await zonedAgents(isCounted: terms.placement == .one, executor)
    }

    private func zonedAgents(isCounted: Bool, _ executor: any Executor) async throws -> [ZonedAgent] {
        let heardSince = late.adding(seconds: -Access.silence)
        return try await executor.run(ZoneTable.agents(heardSince: heardSince, isCounted: isCounted)).map(zonedAgent)
    }

    /// What has to be known about others where the turn is that of some: nothing, unless one of each zone is chosen. The
    /// site is always among them, since lists and keys change with it.
    private func zonedAgents(
        _ turn: [AgentID], _ placement: Placement, _ tx: any Transaction
    ) async throws -> [ZonedAgent] {
        guard placement == .all else { return try await zonedAgents(isCounted: true, tx) }
        let heardSince = late.adding(seconds: -Access.silence)
        return try await tx.run(ZoneTable.agents(turn + [.server], heardSince: heardSince)).joined().map(zonedAgent)
    }

    private func zonedAgent(_ row: Row) throws -> ZonedAgent {
        ZonedAgent(
            id: try row.identifier("id"), zone: try row.optional("zone", row.text), isEdge: try row.bool("edge"),
            isMember: try row.bool("joined") && !row.bool("disabled"), isHeard: try row.bool("heard"),
            entries: try row.integer("entries"))
    }

    /// What has to be done so that a Knoc follows its zones.
    private struct ZoneStep {
        var name: String
        var terms: EnforcementTerms
        var held: [HeldSpot]
        var spots: [ZonePlan.Spot]
        /// Those where something ends, which comes first.
        var leaving: Set<AgentID>
        /// Those where something begins.
        var coming: Set<AgentID>
        /// Rights that live, each of which moves with it.
        var grants: Int64

        var agents: Set<AgentID> { leaving.union(coming) }

        /// What each transaction is about, in their order.
        func turns(_ page: Int) -> [[AgentID]] {
            var rest = (leaving.sorted() + coming.subtracting(leaving).sorted())[...]
            var turns: [[AgentID]] = []
            while !rest.isEmpty {
                turns.append(Array(rest.prefix(Access.agentsAtOnce(page, grants: Int(grants)))))
                rest = rest.dropFirst(turns.last?.count ?? 1)
            }
            return turns
        }
    }

    /// - Parameters:
    ///   - agents: all of them, or those alone that it is to be about.
    ///   - alone: the latter; nil is all.
    private func step(
        of id: KnocID, _ agents: [ZonedAgent], alone: [AgentID]? = nil, leavingSilent: Bool, _ executor: any Executor
    ) async throws -> ZoneStep? {
        let spots = alone.map { ZoneTable.spots(id, on: $0) } ?? [ZoneTable.spots(id)]
        let read = try await executor.run([KnocTable.one(id), ZoneTable.liveGrants(of: id)] + spots)
        guard let row = read[0].first, try EnforcementTerms.isZoned(row) else { return nil }
        let specs = try await places([id], executor)[id] ?? []
        let terms = EnforcementTerms(
            specs: specs,
            zones: try ZoneSelection(try JSON.value(try row.text("zones"))),
            placement: Placement(rawValue: try row.text("placement")) ?? .all,
            closeAfterSeconds: try row.optional("close_after_seconds", row.integer))
        let held = try read.dropFirst(2).joined().map(HeldSpot.init)
        let wantedSpots = self.spots(of: id, terms, agents, held, leavingSilent: leavingSilent)
        let plan = terms.plan(of: id)
        let wanted = Set(wantedSpots.map { Mark(agent: $0.agent, key: plan.items[$0.item].key, isPlaced: $0.isPlaced) })
        let there = Set(held.map { Mark(agent: $0.agent, key: $0.key, isPlaced: $0.isPlaced) })
        return ZoneStep(
            name: try row.text("name"), terms: terms, held: held, spots: wantedSpots,
            leaving: Set(there.subtracting(wanted).map(\.agent)), coming: Set(wanted.subtracting(there).map(\.agent)),
            grants: try read[1].first?.integer("n") ?? 0)
    }

    /// On how many agents one transaction does it: each live grant is moved on each of them.
    static func agentsAtOnce(_ page: Int, grants: Int) -> Int { max(1, min(page, 4096 / max(1, grants))) }

    private struct Mark: Hashable {
        var agent: AgentID
        var key: String
        var isPlaced: Bool
    }
}
