import Foundation
import KnocknocModel
import KnocknocStore
import Testing

@testable import KnocknocAccess
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

    private func node(_ name: String, swept: Int64?, isAlive: Bool = true) -> ClusterState.Node {
        let sweptAt = swept.map { Timestamp(microseconds: $0) }
        return ClusterState.Node(
            name: name, version: "0.1.0", startedAt: now, seenAt: now, sweptAt: sweptAt, isAlive: isAlive, agents: 1)
    }

    private func agent(_ name: String, _ status: AgentRecord.Status) -> AgentRecord {
        AgentRecord(
            id: .new(at: now), name: name, disabled: status == .disabled, embedded: false, status: status,
            capabilities: [:], entriesApplied: 0, entriesWanted: 0, version: 1, createdAt: now)
    }

    @Test("the living node that ended last what had expired is told, and it alone")
    func sweeper() {
        var state = state()
        state.nodes = [node("web-1", swept: 1), node("web-2", swept: 3), node("web-3", swept: nil)]
        state.nodes.append(node("web-4", swept: 4, isAlive: false))
        let lines = ClusterReport(state, []).lines
        #expect(lines.filter { $0.contains("swept last") } == ["  web-2: 0.1.0, up, 1 agents, swept last"])
        #expect(!ClusterReport(self.state(), []).lines.contains { $0.contains("swept") })
    }

    @Test("agents that should be online and are not are named, twenty of them, and the rest counted")
    func away() {
        var state = state()
        let kinds: [AgentRecord.Status] = [.online, .pending, .disabled, .stale, .offline]
        state.agents = kinds.map { agent($0.rawValue, $0) }
        func told(_ report: ClusterReport) -> [String] { report.lines.drop { !$0.hasPrefix("Agents: ") }.map(\.self) }
        #expect(told(ClusterReport(state, [])) == ["Agents: 1 of 5 online", "  away: stale", "  away: offline"])
        state.agents += (1...18).map { agent("gw-\($0)", .offline) }
        #expect(told(ClusterReport(state, [])).last == "  away: gw-18")
        state.agents += (19...20).map { agent("gw-\($0)", .offline) }
        #expect(told(ClusterReport(state, [])).suffix(2) == ["  away: gw-18", "  and 2 more"])
        #expect(ClusterReport(state, []).agents?.away.count == 22)
    }

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
