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

    private func release(_ agent: inout AgentMachine, confirmed: Bool = false) -> [AgentEffect] {
        let row = Samples.targetRow(3, backend: Samples.guarded, confirmed: confirmed, purpose: .released)
        return define(&agent, row, from: Samples.position(2), to: Samples.position(3))
    }

    private func tried() -> AgentMachine {
        var agent = Samples.linkedAgent(targets: [])
        let row = Samples.targetRow(2, backend: Samples.guarded, confirmed: false)
        _ = define(&agent, row, from: Samples.position(1), to: Samples.position(2))
        return agent
    }

    @Test("a reverted guard that is then released does not come back as a drop")
    func revertedThenReleased() {
        var agent = tried()
        _ = agent.carryOut(agent.tick(now: Samples.stamp(61_000)))
        #expect(definitions(release(&agent))?.map(\.purpose) == [.unguard])
        #expect(agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(62_000)).targets.isEmpty)
        // The server's row is still there when everything is sent again.
        Samples.link(&agent, now: Samples.stamp(1000))
        let row = Samples.targetRow(3, backend: Samples.guarded, confirmed: false, purpose: .released)
        let again = define(&agent, row, from: Samples.position(3), to: Samples.position(4))
        #expect(definitions(again)?.isEmpty ?? true)
    }

    @Test("a guard that is released while it is tried goes, as if its time had run out")
    func releasedOnTrial() {
        var agent = tried()
        #expect(definitions(release(&agent))?.map(\.purpose) == [.unguard])
        #expect(agent.nextDeadline == nil)
    }

    @Test("a widened guard that is released on trial leaves the drop that was confirmed")
    func releasedWidened() {
        let narrow = Samples.targetRow(1, backend: Samples.guarded, confirmed: true)
        var agent = Samples.linkedAgent(targets: [narrow])
        let wide = Backend.nftablesGuard(NFTablesGuard(protocol: .tcp, ports: [9000, 9001], trialSeconds: 60))
        _ = define(
            &agent, Samples.targetRow(2, backend: wide, confirmed: false), from: Samples.position(1),
            to: Samples.position(2))
        let row = Samples.targetRow(3, backend: wide, confirmed: false, purpose: .released)
        let left = definitions(define(&agent, row, from: Samples.position(2), to: Samples.position(3)))
        #expect(left?.map(\.purpose) == [.released])
        #expect(left?.map(\.backend) == [Samples.guarded])
    }

    @Test("a confirmed guard that is released stays closed")
    func releasedConfirmed() {
        var agent = Samples.linkedAgent(targets: [Samples.targetRow(1, backend: Samples.guarded, confirmed: true)])
        let row = Samples.targetRow(3, backend: Samples.guarded, confirmed: true, purpose: .released)
        let left = definitions(define(&agent, row, from: Samples.position(1), to: Samples.position(3)))
        #expect(left?.map(\.purpose) == [.released])
    }

    @Test(
        "a revoked agent takes a guard back that was only tried, before and after its time", arguments: [false, true])
    func revoked(late: Bool) {
        var agent = tried()
        if late { _ = agent.carryOut(agent.tick(now: Samples.stamp(61_000))) }
        let effects = agent.carryOut(
            agent.received(.bye(.init(code: .revoked, text: "")), now: Samples.stamp(62_000)))
        #expect(definitions(effects)?.map(\.purpose) == [.unguard])
        #expect(agent.nextDeadline == nil)
    }

    @Test("a trial goes back only to a guard, not to what was no guard or is gone")
    func previous() {
        var agent = Samples.linkedAgent(targets: [Samples.targetRow(1, backend: .dryRun)])
        let row = Samples.targetRow(2, backend: Samples.guarded, confirmed: false)
        _ = define(&agent, row, from: Samples.position(1), to: Samples.position(2))
        let reverted = agent.carryOut(agent.tick(now: Samples.stamp(61_000)))
        #expect(definitions(reverted)?.map(\.purpose) == [.unguard])
    }
}
