import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("Guards on trial")
struct TrialTests {
    private func define(_ agent: inout AgentMachine, _ row: TargetRow, from: Position, to: Position) -> [AgentEffect] {
        agent.carryOut(
            agent.received(
                Samples.changes(after: from, to: to, since: Samples.stamp(1000), targets: [row], []),
                now: Samples.stamp(1000)))
    }

    private func definitions(_ effects: [AgentEffect]) -> [TargetDefinition]? {
        effects.compactMap { effect -> [TargetDefinition]? in
            if case .define(_, let definitions) = effect { definitions } else { nil }
        }.last
    }

    @Test("a new guard counts flows before it takes effect, and goes after its time unless confirmed")
    func reverts() {
        var agent = Samples.linkedAgent(targets: [])
        let row = Samples.targetRow(2, backend: Samples.guarded, confirmed: false)
        let effects = define(&agent, row, from: Samples.position(1), to: Samples.position(2))
        guard case .census(let target, _)? = effects.first else {
            Issue.record("expected a census first, got \(effects)")
            return
        }
        let started = agent.counted(target, flows: 3, sources: [Samples.address], now: Samples.stamp(2000))
        guard case .trial(let trial)? = started.sent.first else {
            Issue.record("expected a trial's report")
            return
        }
        #expect(trial.secondsLeft == 59)
        #expect(agent.tick(now: Samples.stamp(60_999)).isEmpty)
        let reverted = agent.carryOut(agent.tick(now: Samples.stamp(61_000)))
        #expect(definitions(reverted)?.map(\.purpose) == [.unguard])
        #expect(
            reverted.sent.contains {
                if case .applied(let report) = $0 { report.failures.map(\.target) == [Samples.target] } else { false }
            })
        #expect(
            reverted.sent.contains { if case .trial(let trial) = $0 { trial.state == .reverted } else { false } })
    }

    @Test("a confirmed guard stays")
    func confirmed() {
        var agent = Samples.linkedAgent(targets: [])
        let trial = Samples.targetRow(2, backend: Samples.guarded, confirmed: false)
        _ = define(&agent, trial, from: Samples.position(1), to: Samples.position(2))
        let row = Samples.targetRow(3, backend: Samples.guarded, confirmed: true)
        _ = define(&agent, row, from: Samples.position(2), to: Samples.position(3))
        #expect(agent.nextDeadline == nil)
        #expect(agent.tick(now: Samples.stamp(99_000)).isEmpty)
    }

    @Test("a widened guard goes back to what it was")
    func widened() {
        let narrow = Samples.targetRow(1, backend: Samples.guarded, confirmed: true)
        var agent = Samples.linkedAgent(targets: [narrow])
        let wide = Backend.nftablesGuard(NFTablesGuard(protocol: .tcp, ports: [9000, 9001], trialSeconds: 60))
        let row = Samples.targetRow(2, backend: wide, confirmed: false)
        _ = define(&agent, row, from: Samples.position(1), to: Samples.position(2))
        let reverted = agent.carryOut(agent.tick(now: Samples.stamp(61_000)))
        #expect(definitions(reverted) == [narrow.definition])
    }

    @Test("an unconfirmed guard does not outlive a reboot")
    func reboot() {
        var agent = Samples.linkedAgent(targets: [])
        let row = Samples.targetRow(2, backend: Samples.guarded, confirmed: false)
        _ = define(&agent, row, from: Samples.position(1), to: Samples.position(2))
        let state = agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(2000))
            .restored(now: Samples.stamp(10, boot: "new"), wall: Timestamp(microseconds: 9), wallIsSynchronised: true)
        var after = AgentMachine(state: state, now: Samples.stamp(10, boot: "new"))
        let effects = after.carryOut(after.tick(now: Samples.stamp(10, boot: "new")))
        #expect(definitions(effects)?.map(\.purpose) == [.unguard])
    }
}
