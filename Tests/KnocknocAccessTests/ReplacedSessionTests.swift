import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("signing in again")
struct ReplacedSessionTests {
    @Test(
        "ends the browser's earlier session and what it held, and keeps what the new one holds",
        arguments: Driver.available)
    func user(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let group = try await world.group("staff")
            try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let click = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let atOnce = EnforcementSpec(agentID: agent.id, backend: guardPort(9001))
            let wiki = try await world.knoc("wiki", [group], [click])
            let mail = try await world.knoc("mail", [group], [atOnce], on: .signIn)
            let signIn = { (token: String?) in
                try await world.access.signIn(
                    user: "alice", password: "alice password", replacing: token, world.context())
            }
            let first = try await signIn(nil)
            _ = try await world.access.grant(wiki, first.session, world.context())
            try await agent.sync()
            #expect(await agent.open.count == 2)
            let second = try await signIn(first.token)
            #expect(try await world.access.session(user: first.token) == nil)
            #expect(try await world.state(mail, second.session) == .open)
            try await agent.sync()
            #expect(await agent.open.count == 1)
            #expect(try await world.access.listGrants(live: true).map(\.knocID) == [mail])
            // Another browser's session, and a token that means nothing, end nothing.
            _ = try await signIn(first.token)
            #expect(try await world.access.session(user: second.token) != nil)
        }
    }

    @Test(
        "ends nothing where the password is wrong, and an administrator's session is not a user's",
        arguments: Driver.available)
    func others(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await world.user("alice")
            _ = try await world.access.createAdmin(AdminDraft(name: "root", password: "a long password"), by: .cli, nil)
            let admin = { (token: String?) in
                try await world.access.signIn(
                    admin: "root", password: "a long password", replacing: token, world.context())
            }
            let first = try await admin(nil)
            _ = try? await world.access.signIn(
                admin: "root", password: "nonsense", replacing: first.token, world.context())
            _ = try await world.access.signIn(
                user: "alice", password: "alice password", replacing: first.token, world.context())
            #expect(try await world.access.session(admin: first.token) != nil)
            let second = try await admin(first.token)
            #expect(try await world.access.session(admin: first.token) == nil)
            #expect(try await world.access.session(admin: second.token) != nil)
        }
    }
}
