import KnocknocModel
import NIOPosix
import Testing

@testable import KnocknocAgent

@Suite("the agent's health", .timeLimit(.minutes(1)))
struct HealthTests {
    @Test("an agent is healthy while it enforces, linked or not, and says which")
    func disconnected() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let port = try await freePort()
        var configuration = try scene.configuration(server)
        configuration.healthListen = .init(host: "127.0.0.1", port: port)
        let listen = AgentConfiguration.Listen(host: "127.0.0.1", port: port)
        try await withAgent(configuration, enforcer: RecordingEnforcer(), clocks: DrivenClocks()) {
            let link = try await server.link()
            try await link.greet()
            try link.snapshot(Scene.position(2), targets: [Scene.guardRow()], entries: [Scene.row(2, ttl: 60_000)])
            await link.waitApplied(2)
            let report = try await HealthClient.ask(listen)
            #expect(report.status == .ok)
            #expect(report.role == "agent")
            #expect(report.connected)
            #expect(report.entries == 1)
            #expect(report.node == "web-1")
            #expect(report.lastSync == "2027-01-15T08:00:00Z")
            await server.kill()
            var later = report
            for _ in 0..<200 where later.connected { later = try await HealthClient.ask(listen) }
            #expect(!later.connected)
            #expect(later.status == .ok)
            #expect(try await HealthClient.fetch(listen).0 == 200)
        }
        await #expect(throws: AgentError.self) { try await HealthClient.ask(listen) }
    }

    @Test("an agent whose backend cannot be applied is not")
    func failing() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let port = try await freePort()
        var configuration = try scene.configuration(server)
        configuration.healthListen = .init(host: "127.0.0.1", port: port)
        let enforcer = UnavailableEnforcer(reason: "needs CAP_NET_ADMIN")
        try await withAgent(configuration, enforcer: enforcer, clocks: DrivenClocks()) {
            let link = try await server.link()
            try await link.greet()
            try link.snapshot(Scene.position(2), targets: [Scene.guardRow()], entries: [])
            await link.waitApplied(2)
            let report = try await HealthClient.ask(.init(host: "127.0.0.1", port: port))
            #expect(report.status == .failing)
            #expect(report.reason == "needs CAP_NET_ADMIN")
            #expect(try await HealthClient.fetch(.init(host: "127.0.0.1", port: port)).0 == 503)
        }
        await server.kill()
    }

    @Test("a port that is taken is named, with what to do")
    func taken() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        var configuration = try scene.configuration(server)
        configuration.healthListen = .init(host: "127.0.0.1", port: server.port)
        let agent = Agent(
            configuration: configuration, enforcer: RecordingEnforcer(), clocks: DrivenClocks(),
            logger: RecordedLog().logger)
        await #expect(throws: AgentError.self) { try await agent.run() }
        await server.kill()
    }

    private func freePort() async throws -> Int {
        let server = try await FakeServer.start()
        let port = server.port
        await server.kill()
        return port
    }
}
