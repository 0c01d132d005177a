import KnocknocAccess
import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("a Knoc's duration that becomes shorter")
struct DurationTests {
    private func shorten(_ world: World, _ knoc: KnocID, to seconds: Int64?) async throws {
        var patch = KnocPatch()
        patch.durationSeconds = .set(seconds)
        _ = try await world.access.updateKnoc(knoc, patch, by: world.root, world.context())
    }

    @Test("shortens the grants that live, on the agent too, and never lengthens one", arguments: Driver.available)
    func live(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let before = try #require(try await world.access.listGrants(live: true).first)
            let position = try #require(await scene.agent.position)

            try await shorten(world, scene.knoc, to: 40)
            let after = try #require(try await world.access.listGrants(live: true).first)
            #expect(after.id == before.id && after.expiresAt == before.createdAt.adding(seconds: 40))
            try await scene.agent.sync()
            #expect(await scene.agent.position?.revision != position.revision)
            #expect(await scene.agent.deadline("192.0.2.7") == after.expiresAt)
            #expect(try await world.actions().contains("grant.shorten"))

            for longer in [90, nil] as [Int64?] {
                try await shorten(world, scene.knoc, to: longer)
                #expect(try await world.access.listGrants(live: true).first?.expiresAt == after.expiresAt)
            }
            // As long as the session was the duration; what is shorter than that holds for it as well.
            try await shorten(world, scene.knoc, to: 30)
            #expect(
                try await world.access.listGrants(live: true).first?.expiresAt == before.createdAt.adding(seconds: 30))
        }
    }

    @Test("ends those that have lasted longer already", arguments: Driver.available)
    func outlived(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            world.clock.advance(seconds: 50)
            try await shorten(world, scene.knoc, to: 40)
            #expect(try await world.access.listGrants(live: true).isEmpty)
            try await scene.agent.sync()
            #expect(await scene.agent.open.isEmpty)
        }
    }

    @Test("leaves another Knoc's grant on the same port as it is", arguments: Driver.available)
    func shared(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let spec = EnforcementSpec(agentID: scene.agent.id, backend: guardPort(9000))
            let other = try await world.knoc("same port", [scene.group], [spec], seconds: 90)
            _ = try await world.access.grant(other, scene.session, world.context())
            try await shorten(world, scene.knoc, to: 40)
            let latest = try #require(try await world.access.listGrants(live: true).map(\.expiresAt).max())
            try await scene.agent.sync()
            #expect(await scene.agent.deadline("192.0.2.7") == latest)
            #expect(try await world.state(other, scene.session) == .open)
        }
    }
}
