import KnocknocAccess
import KnocknocModel
import KnocknocStore

/// Two gateways in the office, one in the lab, a person with a Knoc that names a zone, and a live grant.
struct ZoneFloor {
    let world: World
    let office: [FakeAgent]
    let lab: FakeAgent
    let knoc: KnocID
    let session: Session

    init(
        _ world: World, zone: String = "office", zones: [String] = [], placement: Placement = .all,
        backend: Backend = guardPort(9000)
    ) async throws {
        self.world = world
        let group = try await world.group("staff")
        try await world.user("alice", in: [group])
        office = [
            try await world.agent("gw1", zone: "office"), try await world.agent("gw2", zone: "Office"),
        ]
        lab = try await world.agent("gw3", zone: "lab")
        for agent in office + [lab] { try await agent.sync() }
        let draft = KnocDraft(
            name: "wiki", groupIDs: [group],
            enforcement: [EnforcementSpec(place: .zone(zone), backend: backend)], zones: zones,
            placement: placement)
        knoc = try await world.access.createKnoc(draft, by: world.root, world.context()).id
        session = try await world.signIn("alice")
        _ = try await world.access.grant(knoc, session, world.context())
        try await sync()
    }

    func sync() async throws { for agent in office + [lab] { try await agent.sync() } }

    func open() async -> [Bool] {
        var open: [Bool] = []
        for agent in office + [lab] { open.append(await !agent.open.isEmpty) }
        return open
    }

    func update(_ change: (inout KnocPatch) -> Void) async throws -> KnocRecord {
        var patch = KnocPatch()
        change(&patch)
        return try await world.access.updateKnoc(knoc, patch, by: world.root, world.context())
    }

    func update(_ agent: FakeAgent, _ change: (inout AgentPatch) -> Void) async throws {
        var patch = AgentPatch()
        change(&patch)
        _ = try await world.access.updateAgent(agent.id, patch, by: world.root, world.context())
    }

    /// These agents have not been heard of for a minute.
    func silence(_ agents: FakeAgent...) async throws {
        for agent in agents {
            try await world.write(
                Statement(
                    "update agent_links set last_seen_at = last_seen_at - 60000000 where agent_id = $1", agent.id))
        }
    }
}
