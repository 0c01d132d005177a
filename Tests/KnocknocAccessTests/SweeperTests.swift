import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("the sweeper")
struct SweeperTests {
    @Test("what cannot be cleared away keeps nothing from ending", arguments: Driver.available)
    func steps(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            // Clearing away and noting sessions fail from here on.
            try await world.database.migrate { session in
                try await session.execute(script: "alter table sign_in_failures rename to gone")
            }
            try await world.write(Statement("delete from group_members where user_id = $1", scene.user))
            let failed = await Sweeper(access: world.access).sweep(0)
            #expect(failed.keys.sorted() == ["clearing away"])
            #expect(try await world.access.listGrants(live: true).isEmpty)
            try await scene.agent.sync()
            #expect(await scene.agent.open.isEmpty)
        }
    }

    @Test("guards that are released, and stay, keep nothing else from being cleared away", arguments: Driver.available)
    func released(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            let backends = [guardPort(9000), guardPort(9001), set("a"), guardPort(9002), set("b")]
            let knoc = try await world.knoc(
                "wiki", [], backends.map { EnforcementSpec(agentID: agent.id, backend: $0) })
            try await world.access.deleteKnoc(knoc, by: world.root, world.context())
            try await agent.sync()
            try await world.access.pruneTargets(page: 2)
            let left = try await world.access.targets(of: agent.id)
            #expect(left.map(\.backend) == [guardPort(9000), guardPort(9001), guardPort(9002)])
        }
    }

    @Test("a target that cannot be read stays, and the others go", arguments: Driver.available)
    func unreadable(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent()
            let specs = ["a", "b"].map { EnforcementSpec(agentID: agent.id, backend: set($0)) }
            let knoc = try await world.knoc("wiki", [], specs)
            let target = try #require(try await world.access.targets(of: agent.id).first?.id)
            try await world.access.deleteKnoc(knoc, by: world.root, world.context())
            try await agent.sync()
            try await world.write(Statement("update targets set backend = 'nonsense' where id = $1", target))
            try await world.access.prune()
            #expect(try await world.database.run(Statement("select id from targets")).count == 1)
        }
    }
}
