import Foundation
import KnocknocEnforcement
import KnocknocModel
import KnocknocProtocol
import Logging
import Testing

@testable import KnocknocAgent

/// A folder of its own, an agent's configuration in it, and the values that tests use.
struct Scene {
    static let target = TargetID(value: 0x0190_0000_0000_7000_8000_0000_0000_0001)
    static let entry = EntryID(value: 0x0190_0000_0000_7000_8000_0000_0000_0e01)
    static let alice = IPAddress("192.0.2.10") ?? .v4(0)

    let folder: String
    var stateFile: String { folder + "/state.json" }
    var keyFile: String { folder + "/keys.json" }

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("knocknoc-agent-\(UUID())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = url.path
    }

    func clean() { try? FileManager.default.removeItem(atPath: folder) }

    func configuration(_ servers: FakeServer..., secure: Bool = false) throws -> AgentConfiguration {
        let urls = try servers.map { server in
            try #require(ServerURL("\(secure ? "https" : "http")://127.0.0.1:\(server.port)"))
        }
        var configuration = AgentConfiguration(
            servers: urls, token: try #require(Token(testToken)), keyFile: keyFile, stateFile: stateFile)
        configuration.logLevel = .trace
        return configuration
    }

    static func position(_ revision: Int64, epoch: String = "site") -> Position {
        Position(epoch: epoch, revision: revision, change: "c\(revision)")
    }

    static func guardRow(
        _ revision: Int64 = 1, purpose: TargetDefinition.Purpose = .enforce, confirmed: Bool = true
    ) -> TargetRow {
        let backend = Backend.nftablesGuard(.init(protocol: .tcp, ports: [9000]))
        return TargetRow(
            definition: .init(id: target, backend: backend, confirmed: confirmed, purpose: purpose),
            revision: revision)
    }

    static func row(_ revision: Int64, ttl: Int64?) -> EntryRow {
        EntryRow(id: entry, target: target, address: alice, revision: revision, ttl: ttl)
    }

    static var key: RecordingEnforcer.Key { .init(target: target, address: alice) }
}

/// An agent running in this process, stopped at the end of `body`.
func withAgent(
    _ configuration: AgentConfiguration, enforcer: any Enforcer, clocks: any Clocks, log: RecordedLog = RecordedLog(),
    recentLog: @escaping @Sendable (Int) -> [String] = { _ in [] }, _ body: () async throws -> Void
) async throws {
    let agent = Agent(
        configuration: configuration, enforcer: enforcer, clocks: clocks, logger: log.logger, recentLog: recentLog)
    let task = Task { try await agent.run() }
    do { try await body() } catch {
        task.cancel()
        let end = await task.result
        Issue.record("the agent ended with \(end) and logged:\n\(log.text)")
        throw error
    }
    task.cancel()
    try await task.value
}
