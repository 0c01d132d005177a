import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("Knocs that follow their zones", .timeLimit(.minutes(5)))
struct ZoneFollowingTests {
    private func paged(_ page: Int) -> AccessOptions {
        var options = AccessOptions()
        options.zonePage = page
        return options
    }

    /// Whom each following was about, the first first.
    private func followings(_ world: World) async throws -> [[AgentID]] {
        try await world.access.listAudit(limit: 1000).filter { $0.action == "knoc.follow_zones" }.reversed().map {
            line in
            (line.details["agents"] ?? "").split(separator: " ").compactMap { AgentID(String($0)) }
        }
    }

    @Test("a new Knoc comes to many agents by pages, each a transaction", arguments: Driver.available)
    func pages(_ driver: Driver) async throws {
        try await World.with(driver, paged(2)) { world in
            var agents: [FakeAgent] = []
            for number in 0..<5 {
                agents.append(try await world.agent("gw\(number)"))
                try await agents[number].sync()
            }
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let backend = Backend.allowList(AllowListBackend())
            let specs = [
                EnforcementSpec(place: .zone("*"), backend: guardPort(9000)),
                EnforcementSpec(place: .agent(.server), backend: backend),
            ]
            let knoc = try await world.knoc("wiki", [group], specs)
            let targets = try await world.access.knoc(knoc).targets
            #expect(targets.count == 6 && targets.contains { $0.agentID == .server })
            #expect(try await followings(world).map(\.count) == [2, 2])
            let session = try await world.signIn("alice")
            _ = try await world.access.grant(knoc, session, world.context())
            for agent in agents {
                try await agent.sync()
                #expect(await agent.addresses == ["192.0.2.7"])
            }
            #expect(try await world.state(knoc, session) == .open)
            // One more comes: what the site itself serves stays.
            let last = try await world.agent("gw9")
            try await last.sync()
            try await world.access.rezone()
            try await last.sync()
            #expect(await last.addresses == ["192.0.2.7"])
            #expect(try await world.access.knoc(knoc).targets.count == 7)
        }
    }

    @Test("it leaves before it comes, so that in between it is more closed", arguments: Driver.available)
    func order(_ driver: Driver) async throws {
        try await World.with(driver, paged(1)) { world in
            let floor = try await ZoneFloor(world)
            try await floor.update(floor.office[0]) { $0.zone = .set("lab") }
            let before = try await followings(world).count
            // Both at once, and by nobody who follows: what comes has the lower id.
            try await world.write(
                Statement(
                    """
                    update agents set updated_at = updated_at + 1,
                        zone = case when id = $1 then 'office' when id = $2 then 'lab' else zone end
                    """, floor.office[0].id, floor.office[1].id))
            try await world.access.rezone()
            let lines = try await followings(world).dropFirst(before)
            #expect(Array(lines) == [[floor.office[1].id], [floor.office[0].id]])
            try await floor.sync()
            #expect(await floor.open() == [true, false, false])
        }
    }

    @Test("many live grants make pages smaller", arguments: Driver.available)
    func grants(_ driver: Driver) async throws {
        #expect(
            [0, 1, 16, 17, 4096, 10_000].map { Access.agentsAtOnce(256, grants: $0) } == [256, 256, 256, 240, 1, 1])
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world)
            let count = ZoneTable.liveGrants(of: floor.knoc)
            #expect(try await world.database.run(count)[0].integer("n") == 1)
            _ = try await world.access.revoke(floor.knoc, floor.session, world.context())
            #expect(try await world.database.run(count)[0].integer("n") == 0)
        }
    }

    @Test(
        "what nothing has changed for is not looked at again, and all of it is after a while",
        arguments: Driver.available)
    func sparing(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let floor = try await ZoneFloor(world)
            for _ in 0..<2 { try await world.access.rezone() }
            // Past everything that tells of a change.
            try await world.write(Statement("delete from knoc_targets where knoc_id = $1", floor.knoc))
            try await world.access.rezone()
            #expect(try await world.access.knoc(floor.knoc).targets.isEmpty)
            for _ in 0..<60 { try await world.access.rezone() }
            #expect(try await world.access.knoc(floor.knoc).targets.count == 2)
        }
    }

    @Test("a Knoc is looked at when it, or an agent, or for one of each zone who is heard of, has changed")
    func watch() throws {
        let watch = ZoneWatch()
        func follower(_ id: UInt64, _ version: Int64 = 1, _ placement: Placement = .all) -> ZoneWatch.Follower {
            ZoneWatch.Follower(id: KnocID(value: UInt128(id)), version: version, placement: placement)
        }
        func census(_ changes: Int64 = 0, heard: Int64 = 0) -> ZoneWatch.Census {
            ZoneWatch.Census(agents: 3, changes: changes, heard: heard)
        }
        let (all, one) = (follower(1), follower(2, 1, .one))
        func due(_ now: ZoneWatch.Census, leavingSilent: Bool = false) -> [ZoneWatch.Follower] {
            watch.due([all, one], now, leavingSilent: leavingSilent)
        }
        #expect(due(census()) == [all, one])
        #expect(due(census()) == [all, one], "until it is said to be in line")
        for follower in [all, one] { watch.note(follower, census(), leavingSilent: false) }
        #expect(due(census()).isEmpty)
        #expect(due(census(heard: 1)) == [one])
        #expect(due(census(), leavingSilent: true) == [one])
        #expect(due(census(1)) == [all, one])
        #expect(watch.due([follower(1, 2)], census(), leavingSilent: false) == [follower(1, 2)])
        #expect(watch.due([one], census(), leavingSilent: false) == [one], "it was gone in between")
    }

    @Test(
        "an agent that is deleted while a Knoc is made that names it is what is said to be wrong",
        .enabled(if: Driver.hasPostgres))
    func deleted() async throws {
        try await World.with(.postgres) { world in
            let floor = try await ZoneFloor(world)
            let delete = Statement("delete from agents where id = $1", floor.lab.id)
            let outcome = try await world.interleave([delete]) {
                let draft = KnocDraft(
                    name: "other",
                    enforcement: [
                        EnforcementSpec(place: .zone("office"), backend: guardPort(9001)),
                        EnforcementSpec(agentID: floor.lab.id, backend: guardPort(9001)),
                    ])
                _ = try await world.access.createKnoc(draft, by: world.root, world.context())
            }
            guard case .failure(let error as AccessError)? = outcome.first else {
                Issue.record("it is not refused as such: \(outcome)")
                return
            }
            #expect(error.code == .invalid && error.field == "enforcement" && error.message.contains("deleted"))
        }
    }
}
