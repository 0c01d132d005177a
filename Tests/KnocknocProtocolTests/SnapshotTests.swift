import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("Snapshots")
struct SnapshotTests {
    private func snapshot(
        _ agent: inout AgentMachine, at position: Position, diverged: Bool = false,
        targets: [TargetRow] = [Samples.targetRow()],
        _ entries: [EntryRow], now: Int64 = 1100
    ) -> [AgentEffect] {
        var effects = agent.received(
            .snapshotBegin(.init(position: position, diverged: diverged)), now: Samples.stamp(now))
        effects += agent.received(
            .snapshotChunk(.init(since: Samples.stamp(1000), targets: targets, entries: entries)),
            now: Samples.stamp(now))
        effects += agent.received(.snapshotEnd(.init(position: position)), now: Samples.stamp(now))
        return agent.carryOut(effects)
    }

    @Test("what no chunk named goes at the end, not earlier")
    func removals() {
        var agent = Samples.linkedAgent()
        _ = snapshot(&agent, at: Samples.position(2), [Samples.row(2, ttl: 10_000)])
        var effects = agent.received(.snapshotBegin(.init(position: Samples.position(3))), now: Samples.stamp(1200))
        effects += agent.received(
            .snapshotChunk(.init(since: Samples.stamp(1000), targets: [Samples.targetRow()], entries: [])),
            now: Samples.stamp(1200))
        #expect(effects.steps.isEmpty)
        effects = agent.received(.snapshotEnd(.init(position: Samples.position(3))), now: Samples.stamp(1200))
        #expect(effects.steps == [.close(Samples.key)])
    }

    @Test("after a divergence nothing becomes longer, and that is reported")
    func diverged() {
        var agent = Samples.linkedAgent()
        _ = snapshot(&agent, at: Samples.position(9), [Samples.row(9, ttl: 20_000)])
        Samples.link(&agent, now: Samples.stamp(1000))
        let effects = snapshot(
            &agent, at: Samples.position(12, "other"), diverged: true, [Samples.row(12, ttl: 90_000)])
        #expect(effects.steps.isEmpty)
        #expect(agent.entries[Samples.entry]?.deadline == BootTime(milliseconds: 21_000))
        guard case .applied(let report)? = effects.sent.last else {
            Issue.record("expected a report")
            return
        }
        #expect(report.failures.map(\.entry) == [Samples.entry])
    }

    @Test("what was taken away does not come back by an older decision, but by a newer one")
    func removed() {
        var agent = Samples.linkedAgent()
        _ = snapshot(&agent, at: Samples.position(8), [Samples.row(8, ttl: 20_000)])
        _ = snapshot(&agent, at: Samples.position(9), [Samples.row(9, ttl: nil)])
        Samples.link(&agent, now: Samples.stamp(1000))
        let revived = snapshot(&agent, at: Samples.position(8, "x"), diverged: true, [Samples.row(8, ttl: 20_000)])
        #expect(revived.steps.isEmpty)
        let anew = agent.received(
            Samples.changes(
                after: Samples.position(8, "x"), to: Samples.position(9, "y"), since: Samples.stamp(1000),
                [Samples.row(9, ttl: 20_000)]), now: Samples.stamp(1300))
        #expect(anew.steps == [.open(Samples.key, deadline: BootTime(milliseconds: 21_000))])
    }

    @Test("a site that was restored under another epoch can grant again what was removed under the old one")
    func otherEpoch() {
        var agent = Samples.linkedAgent()
        _ = snapshot(&agent, at: Samples.position(50), [Samples.row(50, ttl: 20_000)])
        _ = snapshot(&agent, at: Samples.position(51), [])
        Samples.link(&agent, now: Samples.stamp(1000))
        let restored = Samples.position(3, "r", epoch: "restored")
        _ = snapshot(&agent, at: restored, diverged: true, [])
        let granted = agent.received(
            Samples.changes(
                after: restored, to: Samples.position(4, "s", epoch: "restored"), since: Samples.stamp(1000),
                [Samples.row(4, ttl: 20_000)]), now: Samples.stamp(1300))
        #expect(granted.steps == [.open(Samples.key, deadline: BootTime(milliseconds: 21_000))])
    }

    @Test("a guard that the server no longer names stays closed to everybody")
    func sticky() {
        var agent = Samples.linkedAgent(targets: [Samples.targetRow(backend: Samples.guarded)])
        let effects = snapshot(&agent, at: Samples.position(4), targets: [], [])
        guard case .define(_, let definitions)? = effects.first(where: { if case .define = $0 { true } else { false } })
        else {
            Issue.record("expected a definition")
            return
        }
        #expect(definitions.map(\.purpose) == [.released])
    }

    @Test("a snapshot counts as done only after the kernel was compared: it may hold what an earlier run left")
    func leftovers() {
        var agent = AgentMachine(state: nil, now: Samples.stamp(0))
        Samples.link(&agent, now: Samples.stamp(1000))
        var effects = agent.received(.snapshotBegin(.init(position: Samples.position(3))), now: Samples.stamp(1100))
        effects += agent.received(
            .snapshotChunk(.init(since: Samples.stamp(1000), targets: [Samples.targetRow()], entries: [])),
            now: Samples.stamp(1100))
        effects += agent.received(.snapshotEnd(.init(position: Samples.position(3))), now: Samples.stamp(1100))
        var waiting: Int?
        for effect in effects {
            switch effect {
            case .define(let ticket, _): #expect(agent.defined(ticket, [:]).sent.isEmpty)
            case .reconcile(let ticket, let targets, let members):
                #expect(targets.map(\.id) == [Samples.target])
                #expect(members.isEmpty)
                waiting = ticket
            case .persist(let ticket?): #expect(agent.persisted(ticket).sent.isEmpty)
            default: break
            }
        }
        #expect(agent.confirmed == nil)
        _ = agent.reconciled(waiting ?? 0, targets: [:], failures: [:])
        #expect(agent.confirmed == Samples.position(3))
    }
}
