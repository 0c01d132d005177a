import KnocknocModel
import Testing

@testable import KnocknocAccess

@Suite("sessions")
struct SessionTests {
    @Test("a sign-in gives a token that reads the session, and nothing else does", arguments: Driver.available)
    func signIn(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await world.user("alice")
            let signIn = try await world.access.signIn(user: "Alice", password: "alice password", world.context())
            let session = try #require(try await world.access.session(user: signIn.token))
            #expect(session == signIn.session)
            #expect(session.name == "alice")
            #expect(session.address == IPAddress("192.0.2.7"))
            #expect(try await world.access.session(user: signIn.token + "x") == nil)
            #expect(try await world.access.session(admin: signIn.token) == nil)
            let portal = try #require(try await world.access.portal(token: signIn.token))
            #expect(portal.session == session)
            #expect(portal.knocs.isEmpty)
        }
    }

    @Test(
        "wrong password, unknown user, user without password and disabled user look the same",
        arguments: Driver.available)
    func refusals(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await world.user("alice")
            let off = try await world.user("off")
            var patch = UserPatch()
            patch.disabled = true
            _ = try await world.access.updateUser(off, patch, by: world.root, world.context())
            _ = try await world.access.createUser(
                UserDraft(name: "sso", password: nil), by: world.root, world.context())
            var messages: Set<String> = []
            for (name, password) in [
                ("alice", "nonsense"), ("nobody", "alice password"), ("off", "off password"), ("sso", "sso password"),
            ] {
                do {
                    _ = try await world.access.signIn(user: name, password: password, world.context())
                    Issue.record("\(name) came in")
                } catch let error as AccessError {
                    #expect(error.code == .unauthenticated)
                    messages.insert(error.message)
                }
            }
            #expect(messages.count == 1)
        }
    }

    @Test(
        "a session is over when its time has come, when its user is disabled and after sign-out",
        arguments: Driver.available)
    func over(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let id = try await world.user("alice", sessionSeconds: 60)
            let context = world.context()
            let first = try await world.access.signIn(user: "alice", password: "alice password", context)
            #expect(first.session.expiresAt == first.session.createdAt.adding(seconds: 60))
            world.clock.advance(seconds: 59)
            #expect(try await world.access.session(user: first.token) != nil)
            world.clock.advance(seconds: 1)
            #expect(try await world.access.session(user: first.token) == nil)
            let second = try await world.access.signIn(user: "alice", password: "alice password", context)
            try await world.access.signOut(second.session, context)
            #expect(try await world.access.session(user: second.token) == nil)
            let third = try await world.access.signIn(user: "alice", password: "alice password", context)
            var patch = UserPatch()
            patch.disabled = true
            _ = try await world.access.updateUser(id, patch, by: world.root, context)
            #expect(try await world.access.session(user: third.token) == nil)
        }
    }

    @Test("reading a session notes when it was last seen, at most once a minute", arguments: Driver.available)
    func lastSeen(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await world.user("alice")
            let signIn = try await world.access.signIn(user: "alice", password: "alice password", world.context())
            let seen = { try await world.access.listSessions().first?.lastSeenAt }
            world.clock.advance(seconds: 30)
            _ = try await world.access.session(user: signIn.token)
            try await world.access.noteSeen()
            #expect(try await seen() == signIn.session.createdAt)
            world.clock.advance(seconds: 31)
            _ = try await world.access.session(user: signIn.token)
            try await world.access.noteSeen()
            let noted = try #require(try await seen())
            #expect(noted >= signIn.session.createdAt.adding(seconds: 61))
        }
    }
}

@Suite("throttling")
struct ThrottleTests {
    private func fail(_ access: Access, _ name: String, _ context: RequestContext) async -> AccessError? {
        do {
            _ = try await access.signIn(user: name, password: "nonsense", context)
            return nil
        } catch {
            return error as? AccessError
        }
    }

    @Test(
        "five failures close one account to one network, on every node, until the quarter of an hour is over",
        arguments: Driver.available)
    func account(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await world.user("alice")
            try await world.user("bob")
            for _ in 0..<5 { #expect(await fail(world.access, "alice", world.context())?.code == .unauthenticated) }
            for node in [world.access, world.secondNode()] {
                let error = await #expect(throws: AccessError.self) {
                    try await node.signIn(user: "alice", password: "alice password", world.context("192.0.2.200"))
                }
                #expect(error?.code == .throttled)
                #expect((1...900).contains(error?.retryAfter ?? 0))
            }
            _ = try await world.access.signIn(user: "alice", password: "alice password", world.context("192.0.3.1"))
            _ = try await world.access.signIn(user: "bob", password: "bob password", world.context())
            world.clock.advance(seconds: 900)
            _ = try await world.access.signIn(user: "alice", password: "alice password", world.context())
        }
    }

    @Test("a network with too many failures is refused for every account", arguments: Driver.available)
    func network(_ driver: Driver) async throws {
        var options = AccessOptions()
        options.failuresPerNetwork = 3
        try await World.with(driver, options) { world in
            try await world.user("alice")
            for name in ["x", "y", "z"] { _ = await fail(world.access, name, world.context()) }
            #expect(await fail(world.access, "alice", world.context())?.code == .throttled)
            #expect(await fail(world.access, "alice", world.context("2001:db8::1"))?.code == .unauthenticated)
        }
    }

    @Test("correct sign-ins are not counted", arguments: Driver.available)
    func successes(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await world.user("alice")
            for _ in 0..<12 {
                _ = try await world.access.signIn(user: "alice", password: "alice password", world.context())
            }
        }
    }
}
