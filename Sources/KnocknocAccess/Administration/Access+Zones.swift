public import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Logging

/// One object of a Knoc on one agent, as the store has it.
struct HeldSpot: Hashable, Sendable {
    var target: TargetID
    var agent: AgentID
    /// The object (``Backend/targetKey(of:)``).
    var key: String
    var isPlaced: Bool

    init(_ row: Row) throws {
        target = try row.identifier("target_id")
        agent = try row.identifier("agent_id")
        key = try row.text("key")
        isPlaced = try row.bool("placed")
    }
}

extension Access {
    /// Brings every Knoc that follows zones in line with the agents as they are now; where it is, nothing is written.
    ///
    /// - Parameter leavingSilent: whether a Knoc that is enforced on one agent of each zone leaves one that has not been
    ///   heard of.
    public func rezone(leavingSilent: Bool = false) async throws {
        var failure: (any Error)?
        for row in try await database.run(ZoneTable.knocs()) {
            let id: KnocID = try row.identifier("knoc_id")
            do { try await rezone(id, leavingSilent: leavingSilent) } catch {
                // One that cannot be brought in line keeps no other from it.
                logger.warning("a Knoc could not follow its zones", metadata: ["knoc": "\(id)", "error": "\(error)"])
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private func rezone(_ id: KnocID, leavingSilent: Bool) async throws {
        guard let step = try await step(of: id, leavingSilent: leavingSilent, database), !step.agents.isEmpty
        else { return }
        try await write { tx in
            // What grants on it are under way start anew.
            let known = try await tx.run(KnocTable.hold(id))
            guard !known.isEmpty,
                let step = try await self.step(of: id, leavingSilent: leavingSilent, tx), !step.agents.isEmpty
            else { return ((), Effects()) }
            let now = late
            let line = AuditLine(
                "knoc.follow_zones", by: .system, ("knoc", id.description, step.name),
                ["agents": step.agents.sorted().map(\.description).joined(separator: " ")])
            try await tx.run(try audit(line, at: now, nil))
            return (
                (),
                try await enforce(
                    id, step.terms, step.spots, step.held, on: step.agents, at: now, follows: true, tx)
            )
        }
    }

    /// The same after a change that is committed already; what fails is done by the next sweep.
    func followZones() async {
        do { try await rezone() } catch {
            logger.warning("zones could not be followed; the sweep does it", metadata: ["error": "\(error)"])
        }
    }

    /// Writes down in which zone an agent says it is, and what follows from that.
    func noteZone(of agent: AgentID, _ hello: AgentMessage.Hello) async throws {
        let zone = hello.capabilities["zone"].flatMap { try? ZoneSelection.checkedName($0, "zone") }
        let isEdge = hello.edge ?? false
        let news = try await database.run(ZoneTable.isNews(agent, zone: zone, isEdge: isEdge))
        guard !news.isEmpty else { return }
        try await write { tx in
            try await tx.run([ZoneTable.note(agent, zone: zone, isEdge: isEdge)])
            return ((), Effects())
        }
        await followZones()
    }

    /// All agents where the terms need them.
    func zonedAgents(_ terms: EnforcementTerms, _ executor: any Executor) async throws -> [ZonedAgent] {
        guard terms.isZoned else { return [] }
        let statement = ZoneTable.agents(
            heardSince: late.adding(seconds: -Access.silence), counted: terms.placement == .one)
        return try await executor.run(statement).map { row in
            ZonedAgent(
                id: try row.identifier("id"), zone: try row.optional("zone", row.text),
                isEdge: try row.bool("edge"), isMember: try row.bool("joined") && !row.bool("disabled"),
                isHeard: try row.bool("heard"), entries: try row.integer("entries"))
        }
    }

    /// What has to be done so that a Knoc follows its zones.
    private struct ZoneStep {
        var name: String
        var terms: EnforcementTerms
        var held: [HeldSpot]
        var spots: [ZonePlan.Spot]
        /// Those where something changes.
        var agents: Set<AgentID>
    }

    private func step(of id: KnocID, leavingSilent: Bool, _ executor: any Executor) async throws -> ZoneStep? {
        let read = try await executor.run([KnocTable.one(id), ZoneTable.spots(id)])
        guard let row = read[0].first, try EnforcementTerms.isZoned(row) else { return nil }
        let specs = try await places([id], executor)[id] ?? []
        let terms = EnforcementTerms(
            specs: specs,
            zones: try ZoneSelection(try JSON.value(try row.text("zones"))),
            placement: Placement(rawValue: try row.text("placement")) ?? .all,
            closeAfterSeconds: try row.optional("close_after_seconds", row.integer))
        let held = try read[1].map(HeldSpot.init)
        let agents = try await zonedAgents(terms, executor)
        let spots = spots(of: id, terms, agents, held, leavingSilent: leavingSilent)
        let plan = terms.plan(of: id)
        let wanted = Set(spots.map { Mark(agent: $0.agent, key: plan.items[$0.item].key, isPlaced: $0.isPlaced) })
        let there = Set(held.map { Mark(agent: $0.agent, key: $0.key, isPlaced: $0.isPlaced) })
        return ZoneStep(
            name: try row.text("name"), terms: terms, held: held, spots: spots,
            agents: Set(wanted.symmetricDifference(there).map(\.agent)))
    }

    private struct Mark: Hashable {
        var agent: AgentID
        var key: String
        var isPlaced: Bool
    }

    /// What administrators said of Knocs that follow zones.
    func places(_ knocs: [KnocID], _ executor: any Executor) async throws -> [KnocID: [EnforcementSpec]] {
        var specs: [KnocID: [EnforcementSpec]] = [:]
        for row in try await executor.run(ZoneTable.places(knocs)).joined() {
            let agent = try row.identifierIfPresent("agent_id", as: AgentID.self)
            let place = try agent.map { EnforcementPlace.agent($0) } ?? .zone(try row.text("zone"))
            specs[try row.identifier("knoc_id"), default: []].append(
                EnforcementSpec(place: place, backend: try JSON.backend(try row.text("backend"))))
        }
        return specs
    }

    /// - Throws: ``AccessError`` naming the term that cannot be.
    func checked(zones: [String]) throws -> ZoneSelection {
        do throws(ModelError) { return try ZoneSelection(zones) } catch {
            throw AccessError(.invalid, error.message, field: "zones")
        }
    }

    /// - Throws: ``AccessError`` naming the item that cannot be.
    func checked(_ specs: [EnforcementSpec]) throws -> [EnforcementSpec] {
        var seen: Set<String> = []
        return try specs.enumerated().map { index, spec in
            var field = "enforcement[\(index)].zone"
            do throws(ModelError) {
                let place = try spec.place.validated("zone")
                field = "enforcement[\(index)].backend"
                let backend = try spec.backend.validated()
                if place == .agent(.server) { try backend.checkedForServer() }
                guard seen.insert("\(place.key) \(backend.targetKey)").inserted else {
                    throw ModelError(.invalidBackend, "the same agent or zone and object twice")
                }
                return EnforcementSpec(place: place, backend: backend)
            } catch {
                throw AccessError(.invalid, "enforcement[\(index)]: \(error.message)", field: field)
            }
        }
    }

    /// How the agents of a Knoc stand: their links, and what is in force through them.
    public func standing(of knoc: KnocID) async throws -> [TargetID: TargetStanding] {
        var standing: [TargetID: TargetStanding] = [:]
        for row in try await database.run(ZoneTable.standing(knoc, now: late)) {
            let seen = try row.optional("link_seen_at", row.timestamp)
            let now = try row.now(self)
            let heard = seen.map { now.milliseconds(since: $0) < Self.silence * 1000 } ?? false
            standing[try row.identifier("target_id")] = TargetStanding(
                isLinked: try row.bool("is_site") || (heard && row.isNull("link_closed_at")), lastSeenAt: seen,
                entriesApplied: try row.integer("entries_applied"), entriesWanted: try row.integer("entries_wanted"),
                entriesClosing: try row.integer("entries_closing"))
        }
        return standing
    }
}
