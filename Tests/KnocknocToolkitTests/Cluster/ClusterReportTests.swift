import Foundation
import KnocknocAccess
import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocToolkit

@Suite("what knocker cluster says")
struct ClusterReportTests {
    private let now = Timestamp(microseconds: 1_000_000_000)

    private func host(
        _ name: String, _ role: PostgresHost.Role, position: Int64? = nil, ago: Int64? = nil, sync: Bool? = nil,
        server: String? = nil
    ) -> PostgresHost {
        var host = PostgresHost(name: name)
        (host.role, host.position, host.replayedAgo, host.isSynchronous) = (role, position, ago, sync)
        host.server = server ?? name
        return host
    }

    private func state() -> ClusterState { ClusterState(nodes: [], agents: [], now: now) }

    @Test("a standby's lag is counted against the primary; one that has all has none, however long nothing happened")
    func lag() {
        let report = ClusterReport(
            state(),
            [
                host("a:1", .primary, position: 500, sync: true), host("b:1", .standby, position: 400, ago: 3_000_000),
                host("c:1", .standby, position: 500, ago: 90_000_000),
            ])
        #expect(report.database.map(\.lagBytes) == [nil, 100, 0])
        #expect(report.database.map(\.lagSeconds) == [nil, 3, 0])
        #expect(report.durability == "sync" && report.warnings.isEmpty)
    }

    @Test("two hosts that take writes are told at once, one host by two addresses is one")
    func twoPrimaries() {
        let split = ClusterReport(state(), [host("a:1", .primary, sync: false), host("b:1", .primary, sync: false)])
        #expect(split.warnings.contains { $0.contains("several hosts take writes: a:1, b:1") })
        let one = ClusterReport(
            state(),
            [host("a:1", .primary, sync: false, server: "x"), host("/run:1", .primary, sync: false, server: "x")])
        #expect(one.warnings.isEmpty && one.durability == "async")
    }

    @Test("where no host takes writes, what nobody can tell is unknown and not zero, and the reason is said once")
    func unknown() throws {
        var away = host("a:1", .away)
        away.problem = "a:1: Connection refused"
        let report = ClusterReport(nil, [away], problem: "the database cannot be reached: a:1: Connection refused")
        let text = report.lines.joined(separator: "\n")
        #expect(text.contains("Web nodes: unknown\n") && text.contains("Agents: unknown\n"), "\(text)")
        #expect(!text.contains("none runs") && !text.contains("0 of 0"))
        #expect(text.components(separatedBy: "Connection refused").count == 2, "\(text)")
        #expect(report.warnings.last == "a:1 is away: Connection refused")
        let json = try report.json()
        #expect(!json.contains("\"nodes\"") && !json.contains("\"agents\""), "\(json)")
        // A primary that lets itself be asked and has no schema for us.
        let strange = ClusterReport(nil, [host("a:1", .primary, sync: false)], problem: "there is no schema")
        #expect(strange.warnings == ["web nodes and agents are unknown: there is no schema"])
    }

    @Test("without a primary nobody can tell the lag, and it says what is wrong")
    func noPrimary() {
        let report = ClusterReport(state(), [host("a:1", .away), host("b:1", .standby, position: 4, ago: 1)])
        #expect(report.database[1].lagBytes == nil && report.durability == nil)
        #expect(report.warnings.contains("no host takes writes"))
    }
}
