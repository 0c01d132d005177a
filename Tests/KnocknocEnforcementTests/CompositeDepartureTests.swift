import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocEnforcement

@Suite("flows are cut after the entry is out", .timeLimit(.minutes(2)))
struct CompositeDepartureTests {
    /// What was asked, in order, of whom.
    private final class Log: Sendable {
        let lines = Mutex<[String]>([])
        let cuts: AsyncStream<[Place]>
        let cut: AsyncStream<[Place]>.Continuation

        init() { (cuts, cut) = AsyncStream<[Place]>.makeStream() }
    }

    private struct NotingEnforcer: Enforcer {
        let name: String
        let log: Log
        let departed = Broadcast<[Place]>(keeping: nil)

        nonisolated(nonsending) func define(
            _ targets: [TargetDefinition]
        ) async -> [TargetID: KnocknocEnforcement.Outcome] {
            log.lines.withLock { $0.append("\(name) define") }
            return Dictionary(targets.map { ($0.id, .applied) }) { first, _ in first }
        }

        nonisolated(nonsending) func apply(_ changes: [MemberChange]) async -> [KnocknocEnforcement.Outcome] {
            log.lines.withLock { $0.append("\(name) apply") }
            return changes.map { _ in .applied }
        }

        nonisolated(nonsending) func reconcile(
            _ targets: [TargetDefinition], _ members: [Member]
        ) async -> Reconciliation {
            log.lines.withLock { $0.append("\(name) reconcile") }
            return Reconciliation()
        }

        func disturbances() -> AsyncStream<Disturbance> { AsyncStream { _ in } }
        func departures() -> AsyncStream<[Place]> { departed.stream() }

        nonisolated(nonsending) func cutFlows(of gone: [Place], on targets: [TargetID: TargetDefinition]) async {
            if gone.allSatisfy({ targets[$0.target] != nil }) { log.cut.yield(gone) }
        }

        nonisolated(nonsending) func flowsCut(by guard: NFTablesGuard) async -> FlowCensus {
            FlowCensus(flows: 0, sources: [])
        }
    }

    private let log = Log()

    private func definition(_ number: UInt128, flows: Bool) -> TargetDefinition {
        let backend = HAProxyBackend(
            socket: "/run/h.sock", list: .acl("/etc/h.acl"), file: "/etc/h.acl",
            flows: flows ? FlowMatch(protocol: .tcp, ports: [443]) : nil)
        return TargetDefinition(id: target(number), backend: .haproxy(backend), confirmed: true, purpose: .enforce)
    }

    @Test("whoever lets in is asked before who cuts, whatever is asked")
    func order() async {
        let enforcer = CompositeEnforcer(
            nftables: NotingEnforcer(name: "filter", log: log),
            others: [.haproxy: NotingEnforcer(name: "proxy", log: log)])
        let definition = definition(1, flows: true)
        _ = await enforcer.define([definition])
        _ = await enforcer.apply([.close(target: target(1), address: .v4(1))])
        _ = await enforcer.reconcile([definition], [])
        #expect(
            log.lines.withLock { $0 } == [
                "proxy define", "filter define", "proxy apply", "filter apply", "proxy reconcile", "filter reconcile",
            ])
    }

    @Test("who goes later than was said is cut again, where the target names its flows")
    func later() async {
        let proxy = NotingEnforcer(name: "proxy", log: log)
        let enforcer = CompositeEnforcer(
            nftables: NotingEnforcer(name: "filter", log: log), others: [.haproxy: proxy])
        _ = await enforcer.define([definition(1, flows: true), definition(2, flows: false)])
        proxy.departed.send([Place(target: target(2), address: .v4(7))])
        let places = [1, 2, 3].map { Place(target: target($0), address: .v4(8)) }
        proxy.departed.send(places)
        var cuts = log.cuts.makeAsyncIterator()
        #expect(await cuts.next() == [places[0]])
        _ = await enforcer.versions()
    }
}
