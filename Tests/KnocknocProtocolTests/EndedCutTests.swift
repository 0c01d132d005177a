import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("Flows of whoever is ended at once")
struct EndedCutTests {
    private let steps: [MemberStep] = [.cut(Samples.key), .close(Samples.key)]

    private func open(_ agent: inout AgentMachine) {
        let rows = Samples.changes(
            after: Samples.position(1), to: Samples.position(2, "b"), since: Samples.stamp(1000),
            [Samples.row(2, ttl: 60_000)])
        _ = agent.carryOut(agent.received(rows, now: Samples.stamp(1100)))
    }

    private func end(_ targets: [TargetRow] = [], cut: Int64? = 3) -> ServerMessage {
        Samples.changes(
            after: Samples.position(2, "b"), to: Samples.position(3, "c"), since: Samples.stamp(1000),
            targets: targets, [Samples.row(3, ttl: nil, cut: cut)])
    }

    @Test("are cut although somebody else may have them, where the address leaves; those of a sign-out are not")
    func leaves() {
        for cut in [3, nil] as [Int64?] {
            var agent = Samples.linkedAgent()
            open(&agent)
            let effects = agent.carryOut(agent.received(end(cut: cut), now: Samples.stamp(1200)))
            #expect(effects.steps == (cut == nil ? [.close(Samples.key)] : steps))
            let again = Samples.changes(
                after: Samples.position(3, "c"), to: Samples.position(4, "d"), since: Samples.stamp(1000),
                [Samples.row(4, ttl: nil, cut: cut)])
            #expect(!agent.received(again, now: Samples.stamp(1300)).steps.contains(.cut(Samples.key)), "once")
        }
    }

    @Test("are cut while their target is still known, if it goes with them")
    func gone() {
        var agent = Samples.linkedAgent()
        open(&agent)
        let effects = agent.received(end([Samples.targetRow(3, purpose: .released)]), now: Samples.stamp(1200))
        #expect(effects.steps.filter { $0 == .cut(Samples.key) }.count == 1)
        let kinds = effects.map { effect -> String in
            switch effect {
            case .apply(_, let steps): steps.contains(.cut(Samples.key)) ? "cut" : "close"
            case .define: "define"
            default: "-"
            }
        }
        #expect(kinds.filter { $0 != "-" }.prefix(3) == ["cut", "close", "define"])
    }

    @Test("are cut at the agent's next start, where it died over that or could not do it")
    func owed() {
        for isDone in [false, true] {
            var agent = Samples.linkedAgent()
            open(&agent)
            let effects = agent.received(end(), now: Samples.stamp(1200))
            if isDone, case .apply(let ticket, _) = effects.first {
                _ = agent.applied(ticket, [.failed("busy"), .applied])
            }
            let state = agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(1300))
            #expect(state.owed == [Samples.key] && state.owedCuts == [Samples.key])
            var restarted = AgentMachine(state: state, now: Samples.stamp(1400))
            let first = restarted.carryOut(restarted.reconcile(now: Samples.stamp(1400)))
            #expect(first.steps == steps)
            #expect(restarted.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(1500)).owedCuts == nil)
            // No flow outlives a boot.
            let other = state.restored(
                now: Samples.stamp(1, boot: "new"), wall: Timestamp(microseconds: 0), wallIsSynchronised: true)
            #expect(other.owed.isEmpty && other.owedCuts == nil)
        }
    }

    @Test("are owed no more once what failed has been done")
    func mended() {
        var agent = Samples.linkedAgent()
        open(&agent)
        let effects = agent.received(end(), now: Samples.stamp(1200))
        guard case .apply(let ticket, _) = effects.first else {
            Issue.record("expected steps")
            return
        }
        let repair = agent.applied(ticket, [.failed("busy"), .applied])
        for case .reconcile(let ticket, _, _) in repair { _ = agent.reconciled(ticket, targets: [:], failures: [:]) }
        #expect(agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(1300)).owedCuts == nil)
    }
}
