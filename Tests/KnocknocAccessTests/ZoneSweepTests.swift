import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("zones and what fails", .timeLimit(.minutes(5)))
struct ZoneSweepTests {
    private func zoned(_ name: String, _ port: UInt16, placement: Placement = .all) -> KnocDraft {
        let spec = EnforcementSpec(place: .zone("office"), backend: guardPort(port))
        return KnocDraft(name: name, enforcement: [spec], placement: placement)
    }

    /// Agents of the office that have been there.
    private func office(_ world: World, _ names: String...) async throws {
        for name in names { try await world.agent(name, zone: "office").sync() }
    }

    @Test("a Knoc that cannot follow its zones keeps no other from it", arguments: Driver.available)
    func unreadable(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await office(world, "gw1")
            let lab = try await world.agent("gw2", zone: "lab")
            try await lab.sync()
            var knocs: Set<KnocID> = []
            for (name, port) in [("one", 9000), ("two", 9001), ("three", 9002)] as [(String, UInt16)] {
                knocs.insert(
                    try await world.access.createKnoc(zoned(name, port), by: world.root, world.context()).id)
            }
            let broken = try #require(knocs.min())
            try await world.write(
                Statement("update knoc_places set backend = 'nonsense' where knoc_id = $1", broken))
            var patch = AgentPatch()
            patch.zone = .set("office")
            _ = try await world.access.updateAgent(lab.id, patch, by: world.root, world.context())
            let rows = try await world.database.run(
                Statement(
                    """
                    select kt.knoc_id from knoc_targets kt join targets t on t.id = kt.target_id where t.agent_id = $1
                    """, lab.id))
            #expect(try Set(rows.map { try $0.identifier("knoc_id", as: KnocID.self) }) == knocs.subtracting([broken]))
            await #expect(throws: (any Error).self) { try await world.access.rezone() }
        }
    }

    @Test("the sweeper leaves a silent agent once nothing has failed for a minute", arguments: Driver.available)
    func steady(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await office(world, "gw1", "gw2")
            let draft = zoned("wiki", 9000, placement: .one)
            let knoc = try await world.access.createKnoc(draft, by: world.root, world.context()).id
            let chosen = try #require(try await world.access.knoc(knoc).targets.first { $0.isPlaced }).agentID
            try await world.write(
                Statement("update agent_links set last_seen_at = last_seen_at - 60000000 where agent_id = $1", chosen))
            for (steady, isLeft) in [(59, false), (60, true)] {
                #expect(await Sweeper(access: world.access).sweep(5, steady: steady).isEmpty)
                let placed = try await world.access.knoc(knoc).targets.filter(\.isPlaced).map(\.agentID)
                #expect(placed.count == 1 && placed.contains(chosen) == !isLeft)
            }
        }
    }
}
