import KnocknocModel
import Testing

@testable import KnocknocAccess

@Suite("the portal's updates", .timeLimit(.minutes(5)))
struct PortalTests {
    @Test("begin with all Knocs and follow the agent's word", arguments: Driver.available)
    func updates(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            var updates = world.access.updates(for: scene.session).makeAsyncIterator()
            #expect(await updates.next()?.state == .open)
            _ = try await world.access.revoke(scene.knoc, scene.session, world.context())
            #expect(await updates.next()?.state == .closing)
            try await scene.agent.sync()
            #expect(await updates.next()?.state == .closed)
            try await world.access.signOut(scene.session, world.context())
            #expect(await updates.next() == nil)
        }
    }

    @Test("a check tells the session and its Knocs together, also where there are none", arguments: Driver.available)
    func check(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            try await world.user("bob")
            let (access, context) = (world.access, world.context())
            let alice = try await access.signIn(user: "alice", password: "alice password", context)
            let bob = try await access.signIn(user: "bob", password: "bob password", context)
            #expect(try await access.portal(token: alice.token)?.session == alice.session)
            #expect(try await access.portal(token: alice.token)?.knocs.map(\.id) == [scene.knoc])
            #expect(try await access.portal(token: bob.token)?.session == bob.session)
            #expect(try await access.portal(token: bob.token)?.knocs.isEmpty == true)
            try await access.signOut(bob.session, context)
            let gone = try await access.portal(token: bob.token)
            #expect(gone?.session == nil)
        }
    }

    @Test("say that a Knoc was taken away, and bring a new one", arguments: Driver.available)
    func takenAway(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            var updates = world.access.updates(for: scene.session).makeAsyncIterator()
            #expect(await updates.next()?.isGone == false)
            var patch = KnocPatch()
            patch.groupIDs = []
            _ = try await world.access.updateKnoc(scene.knoc, patch, by: world.root, world.context())
            let gone = await updates.next()
            #expect(gone?.id == scene.knoc && gone?.isGone == true)
            let new = try await world.knoc("new", [scene.group], [])
            let item = await updates.next()
            #expect(item?.id == new && item?.isGone == false)
        }
    }

    @Test("come to a session on another node as well", arguments: Driver.available)
    func otherNode(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            var updates = world.secondNode().updates(for: scene.session).makeAsyncIterator()
            #expect(await updates.next()?.state == .open)
            try await world.access.signOut(scene.session, world.context())
            #expect(await updates.next() == nil)
        }
    }

    @Test("say closed at the expiry without anybody's doing", arguments: Driver.available)
    func expiry(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            _ = try await world.access.revoke(scene.knoc, scene.session, world.context())
            var patch = KnocPatch()
            patch.durationSeconds = .set(1)
            _ = try await world.access.updateKnoc(scene.knoc, patch, by: world.root, world.context())
            _ = try await world.access.grant(scene.knoc, scene.session, world.context())
            try await scene.agent.sync()
            var states: [KnocState] = []
            for await item in world.access.updates(for: scene.session) {
                states.append(item.state)
                if item.state == .closed { break }
            }
            #expect(states == [.open, .closed])
        }
    }

    @Test(
        "waiting for a grant ends as soon as the agents have confirmed, or when the time is up",
        arguments: Driver.available)
    func settled(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            _ = try await world.access.revoke(scene.knoc, scene.session, world.context())
            _ = try await world.access.grant(scene.knoc, scene.session, world.context())
            let early = try await world.access.settled(scene.knoc, scene.session, within: .milliseconds(50))
            #expect(early.state == .pending)
            async let item = world.access.settled(scene.knoc, scene.session, within: .seconds(30))
            try await scene.agent.sync()
            #expect(try await item.state == .open)
        }
    }
}
