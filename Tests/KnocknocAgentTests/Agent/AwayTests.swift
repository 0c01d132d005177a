import KnocknocModel
import KnocknocProtocol
import Testing

@testable import KnocknocAgent

@Suite("90 s without a server", .timeLimit(.minutes(2)))
struct AwayTests {
    private static func row(closeAfter seconds: Int64?) -> TargetRow {
        var row = Scene.guardRow()
        row.definition.closeAfterSeconds = seconds
        return row
    }

    /// Lets time pass in small steps, as it does, until something is so.
    private func pass(
        _ clocks: DrivenClocks, _ enforcer: RecordingEnforcer, _ what: String, until: @escaping @Sendable () -> Bool
    ) async {
        await enforcer.changes.wait(what, seconds: 60) {
            clocks.advance(milliseconds: 500)
            return until()
        }
    }

    @Test("it goes on, lets in whom it let in, and ends on time what ends meanwhile")
    func enforces() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let (enforcer, clocks) = (RecordingEnforcer(), DrivenClocks())
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: clocks) {
            let link = try await server.link()
            try await link.greet()
            try link.snapshot(
                Scene.position(2), targets: [Self.row(closeAfter: nil)], entries: [Scene.row(2, ttl: 90_000)])
            await link.waitApplied(2)
            let begun = clocks.boot()
            let deadline = try #require(enforcer.members[Scene.key])
            await server.kill()
            await pass(clocks, enforcer, "its end") { enforcer.members.isEmpty }
            #expect(clocks.boot() >= deadline)
            #expect(deadline.milliseconds(since: begun) > 60_000)
            #expect(enforcer.targets.values.map(\.purpose) == [.enforce], "the guard stays")
        }
    }

    @Test(
        "what its Knoc wants closed without a server is closed after that time, also by the next run, until one speaks")
    func closes() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let log = RecordedLog()
        let (enforcer, clocks) = (RecordingEnforcer(), DrivenClocks())
        let configuration = try scene.configuration(server)
        var said = BootTime(milliseconds: 0)
        try await withAgent(configuration, enforcer: enforcer, clocks: clocks, log: log) {
            let link = try await server.link()
            try await link.greet()
            said = try #require(link.stamp).time
            try link.snapshot(
                Scene.position(2), targets: [Self.row(closeAfter: 60)], entries: [Scene.row(2, ttl: 3_600_000)])
            await link.waitApplied(2)
            link.close()
            // Dialed again and never greeted: a link without a word is no server.
            await pass(clocks, enforcer, "closed") { enforcer.members.isEmpty }
            #expect(clocks.boot().milliseconds(since: said) >= 60_000)
            await enforcer.changes.wait("a word of it", seconds: 60) {
                log.text.contains("no server has spoken for too long")
            }
            #expect(enforcer.targets.values.map(\.purpose) == [.enforce], "the guard stays")
        }
        await server.kill()
        let (next, other) = (RecordingEnforcer(), try await FakeServer.start())
        try await withAgent(try scene.configuration(other), enforcer: next, clocks: clocks, log: log) {
            let link = try await other.link()
            #expect(next.members.isEmpty)
            let hello = try await link.greet()
            #expect(hello.position == Scene.position(2))
            // It has been welcomed once it says that it lives.
            await link.changes.wait("a heartbeat", seconds: 60) {
                clocks.advance(milliseconds: 500)
                return !link.heartbeats.isEmpty
            }
            #expect(next.members.isEmpty)
            try link.changes(Scene.position(2), Scene.position(2), entries: [])
            await next.changes.wait("open again") { next.members[Scene.key] != nil }
            #expect(next.members.count == 1)
        }
        await other.kill()
    }
}
