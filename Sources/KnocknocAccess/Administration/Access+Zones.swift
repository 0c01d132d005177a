public import KnocknocModel
import KnocknocStore

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
