import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Testing

@testable import KnocknocAccess

@Suite("text that cannot be stored")
struct TextTests {
    @Test("a control character is refused with its field and its number", arguments: Driver.available)
    func fields(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            for text in ["a\u{0}b", "a\u{1B}[31mb", "a\nb"] {
                let draft = UserDraft(name: "alice", password: nil, displayName: text)
                let error = await #expect(throws: AccessError.self) {
                    try await world.access.createUser(draft, by: world.root, world.context())
                }
                #expect(error?.code == .invalid)
                #expect(error?.field == "display_name")
                #expect(error?.message.contains("U+00") == true)
            }
            let draft = UserDraft(name: "alice", password: nil, displayName: "Åsa 東京 👩‍💻")
            let made = try await world.access.createUser(draft, by: world.root, world.context())
            #expect(made.displayName == draft.displayName)
        }
    }

    @Test("a sign-in name with U+0000 is nobody's", arguments: Driver.available)
    func signIn(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await world.user("alice")
            for name in ["\u{0}", "alice\u{0}", ""] {
                let user = await code {
                    _ = try await world.access.signIn(user: name, password: "alice password", world.context())
                }
                #expect(user == .unauthenticated)
            }
            let admin = await code {
                _ = try await world.access.signIn(admin: "a\u{0}", password: "nonsense", world.context("192.0.3.1"))
            }
            #expect(admin == .unauthenticated)
        }
    }

    @Test(
        "the audit names the account that was tried, and nothing that no account has: it may be a password",
        arguments: Driver.available)
    func triedName(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            try await world.user("alice")
            for name in ["alice", "correct horse", "\u{0}"] {
                _ = await code {
                    _ = try await world.access.signIn(user: name, password: "nonsense", world.context())
                }
            }
            let refused = try await world.access.listAudit(limit: 10).filter { $0.action == "session.refused" }
            #expect(refused.map(\.subjectName) == [nil, nil, "alice"])
        }
    }

    @Test("an agent's reason with U+0000 does not void its report", arguments: Driver.available)
    func reason(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let target = try #require(try await world.access.targets(of: scene.agent.id).first?.id)
            await scene.agent.fail([Failure(target: target, entry: nil, reason: "no\u{0}pe")])
            try await scene.agent.sync()
            #expect(try await world.access.targets(of: scene.agent.id).first?.reason == "nope")
        }
    }

    @Test("a hello with very many removals ends what it has to, in one go", arguments: Driver.available)
    func removals(_ driver: Driver) async throws {
        try await World.with(driver) { world in
            let scene = try await Scene(world)
            let entry = try #require(await scene.agent.open.values.first)
            let epoch = try #require(await scene.agent.position).epoch
            let removal = { (id: EntryID, revision: Int64) in
                Removal(entry: id, target: entry.target, address: entry.address, revision: revision, epoch: epoch)
            }
            let unknown = (0..<4000).map { _ in removal(.new(at: SystemTime.now()), 1) }
            let before = try await operations(world)
            try await world.access.replay(agent: scene.agent.id, removals: unknown)
            #expect(try await operations(world) == before)
            try await world.access.replay(
                agent: scene.agent.id, removals: unknown + [removal(entry.id, entry.revision + 5)])
            #expect(try await operations(world) == before + 1)
            #expect(try await world.access.listGrants(live: true).isEmpty)
        }
    }

    private func operations(_ world: World) async throws -> Int {
        try await world.database.run(Statement("select id from operations")).count
    }
}
