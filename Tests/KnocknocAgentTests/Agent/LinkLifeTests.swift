import Crypto
import Foundation
import KnocknocModel
import KnocknocProtocol
import NIOCore
import Testing

@testable import KnocknocAgent

@Suite("the life of a link", .timeLimit(.minutes(1)))
struct LinkLifeTests {
    @Test("hello is signed for this nonce, agent and host, with the pinned key")
    func signedHello() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        try await withAgent(scene.configuration(server), enforcer: RecordingEnforcer(), clocks: DrivenClocks()) {
            let link = try await server.link()
            let hello = try await link.greet()
            let key = try Curve25519.Signing.PublicKey(
                rawRepresentation: try #require(Data(base64Encoded: hello.signingKey)))
            let signature = try #require(Data(base64Encoded: hello.signature))
            let bytes = SignedHello.bytes(nonce: "bm9uY2U=", agent: testAgent, host: link.host)
            #expect(key.isValidSignature(signature, for: bytes))
            #expect(
                !key.isValidSignature(
                    signature, for: SignedHello.bytes(nonce: "b3RoZXI=", agent: testAgent, host: link.host)))
            #expect(hello.position == nil)
            #expect(hello.capabilities["backend"] == "nftables")
            #expect(hello.capabilities["ipset"] == "protocol 7")
            #expect(hello.capabilities["backends"] == "nftables ipset haproxy allow_list dry-run")
        }
        await server.kill()
    }

    @Test("a lost link is dialed again, and goes on where it was")
    func resumes() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: try SystemClocks()) {
            let first = try await server.link(0)
            try await first.greet()
            try first.snapshot(Scene.position(2), targets: [Scene.guardRow()], entries: [Scene.row(2, ttl: 60_000)])
            await first.waitApplied(2)
            first.close()
            let second = try await server.link(1)
            let hello = try await second.greet()
            #expect(hello.position == Scene.position(2))
            #expect(enforcer.members.count == 1)
        }
        await server.kill()
    }

    @Test("when its node dies an agent is linked to another one, and nothing opens or closes meanwhile")
    func failover() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let dying = try await FakeServer.start()
        let other = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        try await withAgent(scene.configuration(dying, other), enforcer: enforcer, clocks: try SystemClocks()) {
            let link = try await dying.link()
            try await link.greet()
            try link.snapshot(Scene.position(2), targets: [Scene.guardRow()], entries: [Scene.row(2, ttl: 60_000)])
            await link.waitApplied(2)
            let events = enforcer.events.count
            await dying.kill()
            let next = try await other.link()
            try await next.greet()
            #expect(enforcer.events.count == events)
            #expect(enforcer.members.count == 1)
        }
        await other.kill()
    }

    @Test("a node that a server named takes over when the only one of the agent's own file dies, after a restart too")
    func learnedNode() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let dying = try await FakeServer.start()
        let other = try await FakeServer.start()
        let configuration = try scene.configuration(dying)
        let log = RecordedLog()
        let url = "http://127.0.0.1:\(other.port)"
        try await withAgent(configuration, enforcer: RecordingEnforcer(), clocks: try SystemClocks(), log: log) {
            let link = try await dying.link()
            try await link.greet()
            try link.snapshot(Scene.position(2), targets: [], entries: [])
            try link.send(.nodes(.init(endpoints: [url, "https://elsewhere.example.org"], spread: 0)))
            await link.waitApplied(2)
            await dying.kill()
            try await other.link().greet()
        }
        #expect(log.text.contains("https://elsewhere.example.org"))
        try await withAgent(configuration, enforcer: RecordingEnforcer(), clocks: try SystemClocks()) {
            let hello = try await other.link(1).greet()
            #expect(hello.position == Scene.position(2))
        }
        await other.kill()
    }

    @Test("two heartbeats without an answer end the link")
    func silence() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let clocks = DrivenClocks()
        let log = RecordedLog()
        try await withAgent(scene.configuration(server), enforcer: RecordingEnforcer(), clocks: clocks, log: log) {
            let link = try await server.link()
            try await link.greet(heartbeat: 1000)
            await server.changes.wait("the second link") {
                clocks.advance(milliseconds: 50)
                return server.accepted.count > 1
            }
            #expect(link.heartbeats.count == 2)
        }
        #expect(log.text.contains("did not answer two heartbeats"))
        await server.kill()
    }

    @Test("a revoked agent closes everything, keeps its guards and stays away for a minute")
    func revoked() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let enforcer = RecordingEnforcer()
        let clocks = DrivenClocks()
        try await withAgent(scene.configuration(server), enforcer: enforcer, clocks: clocks) {
            let link = try await server.link()
            try await link.greet()
            try link.snapshot(Scene.position(2), targets: [Scene.guardRow()], entries: [Scene.row(2, ttl: 60_000)])
            await link.waitApplied(2)
            try link.send(.bye(.init(code: .revoked, text: "deleted by an administrator")))
            await enforcer.changes.wait("the end of all members, and a guard without a user") {
                enforcer.members.isEmpty && enforcer.targets[Scene.target]?.purpose == .released
            }
            await server.changes.wait("the next link") {
                clocks.advance(milliseconds: 2000)
                return server.accepted.count > 1
            }
            #expect(clocks.boot().milliseconds >= 160_000)
        }
        await server.kill()
    }

    @Test("a server that takes this agent for another one is left")
    func wrongIdentity() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        var configuration = try scene.configuration(server)
        configuration.id = AgentID(value: 99)
        let log = RecordedLog()
        try await withAgent(configuration, enforcer: RecordingEnforcer(), clocks: DrivenClocks(), log: log) {
            let link = try await server.link()
            try link.send(.challenge(.init(agent: testAgent, nonce: "bm9uY2U=", protocolMin: 1, protocolMax: 1)))
            await link.waitClosed()
            #expect(link.hellos.isEmpty)
            await link.changes.wait("the reason in the log") { log.text.contains("is it another's token?") }
        }
        await server.kill()
    }

    @Test("a message of a type from the future is left out, nonsense ends the link")
    func strangeMessages() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        try await withAgent(scene.configuration(server), enforcer: RecordingEnforcer(), clocks: DrivenClocks()) {
            let link = try await server.link()
            try await link.greet()
            link.send(raw: "{\"type\":\"telepathy\",\"thought\":1}")
            try link.send(.ping(.init(id: "p1")))
            await link.changes.wait("the pong") { link.received.contains(.pong(.init(id: "p1"))) }
            link.send(raw: "{\"type\":")
            await link.waitClosed()
        }
        await server.kill()
    }

    @Test("with an answer to a ping go as many log lines as it asks for, and none where it asks for none")
    func log() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let lines: @Sendable (Int) -> [String] = { (0..<$0).map { "line \($0)" } }
        try await withAgent(
            scene.configuration(server), enforcer: RecordingEnforcer(), clocks: DrivenClocks(), recentLog: lines
        ) {
            let link = try await server.link()
            try await link.greet()
            try link.send(.ping(.init(id: "p1")))
            try link.send(.ping(.init(id: "p2", logLines: 2)))
            try link.send(.ping(.init(id: "p3", logLines: 100_000)))
            try link.send(.ping(.init(id: "p4", logLines: -1)))
            let expected: [AgentMessage] = [
                .pong(.init(id: "p1")), .pong(.init(id: "p2", log: lines(2))), .pong(.init(id: "p3", log: lines(200))),
                .pong(.init(id: "p4", log: [])),
            ]
            await link.changes.wait("the pongs") { expected.allSatisfy(link.received.contains) }
        }
        await server.kill()
    }

    @Test("a message of more than 1 MiB ends the link")
    func oversized() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let log = RecordedLog()
        try await withAgent(
            scene.configuration(server), enforcer: RecordingEnforcer(), clocks: DrivenClocks(), log: log
        ) {
            let link = try await server.link()
            try await link.greet()
            link.send(raw: String(repeating: " ", count: 1 << 20 | 1))
            await link.waitClosed()
            await link.changes.wait("the reason in the log") { log.text.contains("1 MiB") }
        }
        await server.kill()
    }
}
