import KnocknocModel
import KnocknocProtocol
import Testing

@testable import KnocknocAccess

@Suite("grants")
struct GrantTests {
    @Test(
        "a click opens the port for the session's address alone once the agent has confirmed",
        arguments: Driver.available)
    func click(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let knoc = try await world.knoc(
                "wiki", [group], [EnforcementSpec(agentID: agent.id, backend: guardPort(9000))])
            let session = try await world.signIn("alice")
            #expect(try await world.state(knoc, session) == .closed)
            let item = try await world.access.grant(knoc, session, world.context())
            #expect(item.state == .pending)
            #expect(item.expiresAt == session.expiresAt)
            try await agent.sync()
            #expect(await agent.addresses == ["192.0.2.7"])
            #expect(await agent.deadline("192.0.2.7") == session.expiresAt)
            #expect(try await world.state(knoc, session) == .open)
        }
    }

    @Test("signing in grants what is granted by signing in, and nothing else", arguments: Driver.available)
    func signIn(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            let other = try await world.group("others")
            try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let spec = { EnforcementSpec(agentID: agent.id, backend: guardPort($0)) }
            let mine = try await world.knoc("mine", [group], [spec(1), spec(2)], on: .signIn, seconds: 100)
            let click = try await world.knoc("click", [group], [spec(3)])
            _ = try await world.knoc("other", [other], [spec(4)], on: .signIn)
            let session = try await world.signIn("alice")
            try await agent.sync()
            #expect(await agent.open.count == 2)
            #expect(await agent.deadline("192.0.2.7") == session.createdAt.adding(seconds: 100))
            #expect(try await world.state(mine, session) == .open)
            #expect(try await world.state(click, session) == .closed)
            #expect(try await world.access.knocs(of: session).count == 2)
        }
    }

    @Test("granting what is granted changes nothing", arguments: Driver.available)
    func idempotent(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let knoc = try await world.knoc(
                "wiki", [group], [EnforcementSpec(agentID: agent.id, backend: guardPort(9000))])
            let session = try await world.signIn("alice")
            _ = try await world.access.grant(knoc, session, world.context())
            try await agent.sync()
            let before = await agent.position
            let again = try await world.access.grant(knoc, session, world.context())
            #expect(again.state == .open)
            try await agent.sync()
            #expect(await agent.position == before)
            #expect(try await world.access.listGrants().count == 1)
        }
    }

    @Test("nobody gets a Knoc without the right to it, and the reason is told", arguments: Driver.available)
    func refusals(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            try await world.user("mallory")
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let knoc = try await world.knoc("wiki", [group], [spec])
            let mallory = try await world.signIn("mallory")
            #expect(await code { _ = try await world.access.grant(knoc, mallory, world.context()) } == .notFound)
            let loopback = try await world.signIn("alice", from: "127.0.0.1")
            #expect(loopback.addressReason?.contains("loopback") == true)
            #expect(await code { _ = try await world.access.grant(knoc, loopback, world.context()) } == .forbidden)
            #expect(try await world.state(knoc, loopback) == .refused)
            let behind = RequestContext(client: .refused(IPAddress("10.0.0.1"), reason: "a proxy"), requestID: "r")
            let hidden = try await world.access.signIn(user: "alice", password: "alice password", behind).session
            #expect(await code { _ = try await world.access.grant(knoc, hidden, behind) } == .forbidden)
            #expect(try await world.access.knocs(of: hidden).first?.reason == "a proxy")
            let gone = try await world.signIn("alice")
            try await world.access.signOut(gone, world.context())
            #expect(await code { _ = try await world.access.grant(knoc, gone, world.context()) } == .unauthenticated)
            try await agent.sync()
            #expect(await agent.open.isEmpty)
        }
    }

    @Test("an all-in-one grants loopback", arguments: Driver.available)
    func allInOne(_ driver: Driver) async throws {
        var options = AccessOptions()
        options.allInOne = true
        try await World.with(driver, options) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let knoc = try await world.knoc("wiki", [group], [])
            let session = try await world.signIn("alice", from: "127.0.0.1")
            let item = try await world.access.grant(knoc, session, world.context())
            #expect(item.state == .failed)
            #expect(item.reason?.contains("no agent") == true)
        }
    }

    @Test("a grant that ran out, and that nobody swept yet, can be had again", arguments: Driver.available)
    func again(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let knoc = try await world.knoc("wiki", [group], [spec], seconds: 10)
            let session = try await world.signIn("alice")
            _ = try await world.access.grant(knoc, session, world.context())
            try await agent.sync()
            world.clock.advance(seconds: 11)
            #expect(try await world.state(knoc, session) == .closed)
            let item = try await world.access.grant(knoc, session, world.context())
            #expect(item.state == .pending)
            try await agent.sync()
            #expect(try await world.state(knoc, session) == .open)
            #expect(await agent.deadline("192.0.2.7") == item.expiresAt)
        }
    }

    @Test("an entry that ran out is not open for the next person until the agent says so", arguments: Driver.available)
    func ranOut(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            for name in ["alice", "bob"] { try await world.user(name, in: [group]) }
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let knoc = try await world.knoc("wiki", [group], [spec], seconds: 10)
            _ = try await world.access.grant(knoc, try await world.signIn("alice"), world.context())
            try await agent.sync()
            world.clock.advance(seconds: 11)
            let bob = try await world.signIn("bob")
            #expect(try await world.access.grant(knoc, bob, world.context()).state == .pending)
            try await world.access.endExpired()
            try await agent.sync()
            #expect(try await world.state(knoc, bob) == .open)
        }
    }

    @Test("open needs all agents, or one, as the Knoc says", arguments: Driver.available)
    func openWhen(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let one = try await world.agent("gw1")
            let two = try await world.agent("gw2")
            let specs = [one, two].map { EnforcementSpec(agentID: $0.id, backend: guardPort(9000)) }
            let all = try await world.knoc("all", [group], specs)
            let any = try await world.knoc("any", [group], specs, openWhen: .one)
            let session = try await world.signIn("alice")
            _ = try await world.access.grant(all, session, world.context())
            _ = try await world.access.grant(any, session, world.context())
            try await one.sync()
            #expect(try await world.state(all, session) == .pending)
            #expect(try await world.state(any, session) == .open)
            try await two.sync()
            #expect(try await world.state(all, session) == .open)
        }
    }

    @Test(
        "many sessions granted at once all end up open, and all closed after they sign out",
        arguments: Driver.available)
    func many(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let agents = [try await world.agent("gw1"), try await world.agent("gw2")]
            let specs = agents.map { EnforcementSpec(agentID: $0.id, backend: guardPort(9000)) }
            let knocs = [
                try await world.knoc("a", [group], specs), try await world.knoc("b", [group], specs.reversed()),
            ]
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in 1...12 {
                    tasks.addTask {
                        let session = try await world.signIn("alice", from: "198.51.100.\(number)")
                        for knoc in number % 2 == 0 ? knocs : knocs.reversed() {
                            _ = try await world.access.grant(knoc, session, world.context())
                        }
                        if number % 3 == 0 { try await world.access.signOut(session, world.context()) }
                    }
                }
                try await tasks.waitForAll()
            }
            for agent in agents {
                try await agent.sync()
                #expect(await agent.addresses.count == 8)
            }
        }
    }

    @Test("a grant racing with the end of its right leaves nothing open", arguments: Driver.available, 0..<4)
    func race(_ driver: Driver, _ kind: Int) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            let alice = try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let knoc = try await world.knoc("wiki", [group], [spec], on: .signIn)
            let sessions = [
                try await world.signIn("alice"), try await world.signIn("alice", from: "192.0.2.8"),
            ]
            for session in sessions { _ = try await world.access.revoke(knoc, session, world.context()) }
            await withTaskGroup(of: Void.self) { tasks in
                for session in sessions {
                    tasks.addTask { _ = try? await world.access.grant(knoc, session, world.context()) }
                }
                tasks.addTask { _ = try? await world.signIn("alice", from: "192.0.2.9") }
                tasks.addTask {
                    do {
                        switch kind {
                        case 0:
                            var patch = UserPatch()
                            patch.disabled = true
                            _ = try await world.access.updateUser(alice, patch, by: world.root, world.context())
                        case 1: try await world.access.deleteGroup(group, by: world.root, world.context())
                        case 2:
                            var patch = UserPatch()
                            patch.groupIDs = []
                            _ = try await world.access.updateUser(alice, patch, by: world.root, world.context())
                        default: try await world.access.deleteKnoc(knoc, by: world.root, world.context())
                        }
                    } catch {
                        Issue.record(error)
                    }
                }
            }
            try await agent.sync()
            #expect(await agent.open.isEmpty)
        }
    }
}
