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
        let log = RecordedLog()
        var configuration = try scene.configuration(server)
        configuration.healthListen = .init(host: "127.0.0.1", port: 0)
        try await withAgent(configuration, enforcer: RecordingEnforcer(), clocks: DrivenClocks(), log: log) {
            let listen = try await listener(log)
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
    }

    @Test("an agent whose backend cannot be applied is not")
    func failing() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let server = try await FakeServer.start()
        let log = RecordedLog()
        var configuration = try scene.configuration(server)
        configuration.healthListen = .init(host: "127.0.0.1", port: 0)
        let enforcer = UnavailableEnforcer(reason: "needs CAP_NET_ADMIN")
        try await withAgent(configuration, enforcer: enforcer, clocks: DrivenClocks(), log: log) {
            let link = try await server.link()
            try await link.greet()
            try link.snapshot(Scene.position(2), targets: [Scene.guardRow()], entries: [])
            await link.waitApplied(2)
            let listen = try await listener(log)
            let report = try await HealthClient.ask(listen)
            #expect(report.status == .failing)
            #expect(report.reason == "needs CAP_NET_ADMIN")
            #expect(try await HealthClient.fetch(listen).0 == 503)
        }
        await server.kill()
    }

    @Test("where no agent answers, that is the reason")
    func nobody() async throws {
        let server = try await FakeServer.start()
        await server.kill()
        let listen = AgentConfiguration.Listen(host: "127.0.0.1", port: server.port)
        await #expect(throws: AgentError.self) { try await HealthClient.ask(listen) }
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
        let error = await #expect(throws: AgentError.self) { try await agent.run() }
        let place = "127.0.0.1:\(server.port)"
        let words = "HealthListen: cannot listen on \(place): Address already in use; choose a free port, or none"
        #expect(error?.message == words)
        await server.kill()
    }

    /// Where the agent with this log answers: any free port, which it names.
    private func listener(_ log: RecordedLog) async throws -> AgentConfiguration.Listen {
        await Signal().wait("the health listener") { log.text.contains("health is answered port=") }
        let port = log.text.split(separator: "health is answered port=").last?.prefix { $0.isNumber }
        return .init(host: "127.0.0.1", port: try #require(port.flatMap { Int($0) }))
    }
}
