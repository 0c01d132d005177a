import KnocknocModel
import KnocknocStore
import Synchronization
import Testing

@testable import KnocknocAccess

/// SQLite has one writer at a time; only Postgres can interleave.
@Suite(
    "a right that goes while its grant is being made", .enabled(if: Driver.available.contains(.postgres)),
    .timeLimit(.minutes(5)))
struct RaceTests {
    /// Grants while another transaction, which has run `statements`, is not yet committed.
    private func grant(
        during statements: @Sendable (KnocID, UserID) -> [Statement]
    ) async throws -> (AccessError.Code?, open: Set<String>) {
        var result: (AccessError.Code?, open: Set<String>) = (nil, [])
        try await World.with(.postgres) { world in
            let group = try await world.group("staff")
            let user = try await world.user("alice", in: [group])
            let agent = try await world.agent()
            let spec = EnforcementSpec(agentID: agent.id, backend: guardPort(9000))
            let knoc = try await world.knoc("wiki", [group], [spec])
            let session = try await world.signIn("alice")
            let outcome = try await world.interleave(statements(knoc, user)) {
                _ = try await world.access.grant(knoc, session, world.context())
            }
            try await agent.sync()
            result = (failure(outcome.first), await agent.addresses)
        }
        return result
    }

    @Test("the user leaves the group")
    func membership() async throws {
        let (code, open) = try await grant { _, user in
            [Statement("delete from group_members where user_id = $1", user), SessionTable.lock(of: user)]
        }
        #expect(code == .notFound)
        #expect(open.isEmpty)
    }

    @Test("the Knoc is taken from the group")
    func knoc() async throws {
        let (code, open) = try await grant { knoc, _ in [KnocTable.hold(knoc), KnocTable.clearGroups(knoc)] }
        #expect(code == .notFound)
        #expect(open.isEmpty)
    }

    @Test("the Knoc is changed and the right stays")
    func harmless() async throws {
        let (code, open) = try await grant { knoc, _ in [KnocTable.hold(knoc)] }
        #expect(code == nil)
        #expect(open == ["192.0.2.7"])
    }
}
