import KnocknocModel
import Testing

@testable import KnocknocAccess

@Suite("first steps")
struct SetupTests {
    @Test("the link makes the first administrator once, and none afterwards", arguments: Driver.available)
    func link(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let token = try #require(try await world.access.setUpLink())
            let redeem = { (token: String, name: String) in
                try await world.access.redeem(
                    setUp: token, name: name, password: "a long password", world.context())
            }
            #expect(await code { _ = try await redeem("nonsense", "root") } == .unauthenticated)
            let signIn = try await redeem(token, "root")
            #expect(try await world.access.session(admin: signIn.token)?.name == "root")
            #expect(await code { _ = try await redeem(token, "two") } == .unauthenticated)
            #expect(try await world.access.setUpLink() == nil)
            #expect(try await world.access.listAdmins().map(\.name) == ["root"])
        }
    }

    @Test("a link is good for a day", arguments: Driver.available)
    func day(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let token = try #require(try await world.access.setUpLink())
            world.clock.advance(seconds: 86_401)
            #expect(
                await code {
                    _ = try await world.access.redeem(
                        setUp: token, name: "root", password: "a long password", world.context())
                } == .unauthenticated)
        }
    }

    @Test("a new password ends the sessions, and an ambiguous name is asked about", arguments: Driver.available)
    func setPassword(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            try await world.access.setPassword("alice", "entirely new one")
            try await scene.agent.sync()
            #expect(await scene.agent.addresses.isEmpty)
            _ = try await world.access.signIn(user: "alice", password: "entirely new one", world.context())
            let draft = AdminDraft(name: "alice", password: "a long password")
            _ = try await world.access.createAdmin(draft, by: .cli, nil)
            #expect(await code { try await world.access.setPassword("alice", "a third password") } == .invalid)
            try await world.access.setPassword("alice", "a third password", of: .admin)
            _ = try await world.access.signIn(admin: "alice", password: "a third password", world.context())
            #expect(await code { try await world.access.setPassword("nobody", "a third password") } == .notFound)
        }
    }

    @Test("the all-in-one's agent is one agent with a new token at each start", arguments: Driver.available)
    func embedded(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let first = try await world.access.embeddedAgent(named: "local")
            let second = try await world.access.embeddedAgent(named: "local")
            #expect(first.id == second.id)
            #expect(try await world.access.agent(token: first.token) == nil)
            #expect(try await world.access.agent(token: second.token) == first.id)
            #expect(try await world.access.agent(first.id).embedded)
        }
    }

    @Test("the sample is made once and works", arguments: Driver.available)
    func sample(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let agent = try await world.agent("local")
            let make = {
                try await world.access.createSample(agent: agent.id, backend: .dryRun, url: "http://127.0.0.1:1/")
            }
            let password = try #require(try await make())
            #expect(try await make() == nil)
            let session = try await world.access.signIn(user: "demo", password: password, world.context()).session
            let knoc = try #require(try await world.access.knocs(of: session).first)
            _ = try await world.access.grant(knoc.id, session, world.context())
            try await agent.sync()
            #expect(try await world.state(knoc.id, session) == .open)
        }
    }
}
