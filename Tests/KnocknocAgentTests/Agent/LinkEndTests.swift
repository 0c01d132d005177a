import KnocknocProtocol
import NIOWebSocket
import Testing

@testable import KnocknocAgent

@Suite("the end of a link, and the next one", .timeLimit(.minutes(2)))
struct LinkEndTests {
    /// A link over which the agent's copy was brought in line.
    private func linked(_ server: FakeServer, _ number: Int = 0) async throws -> FakeLink {
        let link = try await server.link(number)
        try await link.greet()
        try link.snapshot(Scene.position(2), targets: [], entries: [])
        await link.waitApplied(2)
        return link
    }

    @Test("a ping is answered with what it says, a server's close with its code, whose reason is told")
    func control() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let log = RecordedLog()
        try await withAgent(
            scene.configuration(server), enforcer: RecordingEnforcer(), clocks: DrivenClocks(), log: log
        ) {
            let link = try await linked(server)
            link.send(.ping, [1, 2, 3])
            await link.changes.wait("the pong") { link.control(.pong) == [1, 2, 3] }
            // 1001, going away.
            link.send(.connectionClose, [0x03, 0xe9] + Array("node stops".utf8))
            await link.changes.wait("the answer") { link.control(.connectionClose) == [0x03, 0xe9] }
            await link.waitClosed()
            await link.changes.wait("the reason in the log") {
                log.text.contains("the server closed the link (1001: node stops)")
            }
        }
        await server.kill()
    }

    @Test("a binary frame is no message and ends the link")
    func binary() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let log = RecordedLog()
        try await withAgent(
            scene.configuration(server), enforcer: RecordingEnforcer(), clocks: DrivenClocks(), log: log
        ) {
            let link = try await linked(server)
            link.send(.binary, Array(#"{"type":"ping","id":"p1"}"#.utf8))
            await link.waitClosed()
            #expect(!link.received.contains(.pong(.init(id: "p1"))))
            await link.changes.wait("the reason in the log") { log.text.contains("a binary frame; expected text") }
        }
        await server.kill()
    }

    @Test("after one that was lost another node is dialed first, although the lost one is there")
    func another() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let (one, two) = (try await FakeServer.start(), try await FakeServer.start())
        try await withAgent(
            scene.configuration(one, two), enforcer: RecordingEnforcer(), clocks: try SystemClocks()
        ) {
            try await linked(one).close()
            try await two.link().greet()
            #expect(one.accepted.count == 1)
        }
        for server in [one, two] { await server.kill() }
    }

    @Test("agents come back within the time that their server has named, and not at once")
    func spread() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let (clocks, log) = (DrivenClocks(), RecordedLog())
        try await withAgent(scene.configuration(server), enforcer: RecordingEnforcer(), clocks: clocks, log: log) {
            for number in 0..<4 {
                await server.changes.wait("link \(number)") {
                    if server.accepted.count <= number { clocks.advance(milliseconds: 1000) }
                    return server.accepted.count > number
                }
                let link = try await server.link(number)
                try await link.greet()
                try link.send(.nodes(.init(endpoints: [], spread: 60_000)))
                try link.snapshot(Scene.position(2), targets: [], entries: [])
                await link.waitApplied(2)
                link.close()
                await link.changes.wait("the next attempt") { waits(log).count > number }
            }
        }
        // Without the server's word each of them would be at most 300 ms.
        #expect(waits(log).allSatisfy { (100...60_000).contains($0) } && waits(log).contains { $0 > 300 })
        await server.kill()
    }

    private func waits(_ log: RecordedLog) -> [Int64] {
        log.text.matches(of: /wait_ms=([0-9]+)/).compactMap { Int64($0.output.1) }
    }
}
