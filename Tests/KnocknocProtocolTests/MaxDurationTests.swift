import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("MaxDuration")
struct MaxDurationTests {
    private let reason = "this host's MaxDuration is 60 s: access here ends after that"

    private func agent(maxDuration: Int64?) -> AgentMachine {
        var state = AgentState(
            agent: Samples.agent, boot: "boot", wall: Timestamp(microseconds: 0), time: BootTime(milliseconds: 0),
            position: Samples.position(1))
        state.targets = [Samples.targetRow()]
        var machine = AgentMachine(state: state, now: Samples.stamp(0), maxDuration: maxDuration)
        Samples.link(&machine, now: Samples.stamp(1000))
        return machine
    }

    private func opening(_ agent: inout AgentMachine, ttl: Int64 = 3_600_000) -> [AgentEffect] {
        agent.carryOut(
            agent.received(
                Samples.changes(
                    after: Samples.position(1), to: Samples.position(2, "b"), since: Samples.stamp(1000),
                    [Samples.row(2, ttl: ttl)]), now: Samples.stamp(1000)))
    }

    /// The same row once more, as a snapshot has it.
    private func snapshot(_ agent: inout AgentMachine, revision: Int64 = 2, ttl: Int64, at now: Int64) -> [AgentEffect]
    {
        let position = Samples.position(revision, revision == 2 ? "b" : "c")
        var effects: [AgentEffect] = []
        for message: ServerMessage in [
            .snapshotBegin(.init(position: position, diverged: false)),
            .snapshotChunk(
                .init(
                    since: Samples.stamp(now), targets: [Samples.targetRow()],
                    entries: [Samples.row(revision, ttl: ttl)])),
            .snapshotEnd(.init(position: position)),
        ] {
            effects += agent.carryOut(agent.received(message, now: Samples.stamp(now)))
        }
        return effects
    }

    private func linked(_ agent: inout AgentMachine, at now: Int64) {
        _ = agent.linkDown()
        Samples.link(&agent, now: Samples.stamp(now), epoch: now)
    }

    @Test("a longer end is shortened and reported, a shorter one is left alone")
    func shortened() {
        var agent = agent(maxDuration: 60_000)
        let effects = opening(&agent)
        #expect(effects.steps == [.open(Samples.key, deadline: BootTime(milliseconds: 61_000))])
        guard case .applied(let report)? = effects.sent.last else {
            Issue.record("nothing was reported")
            return
        }
        #expect(report.failures == [Failure(target: Samples.target, entry: Samples.entry, reason: reason)])
        var other = self.agent(maxDuration: 60_000)
        let short = opening(&other, ttl: 30_000)
        #expect(short.steps == [.open(Samples.key, deadline: BootTime(milliseconds: 31_000))])
        #expect(short.sent == [.applied(.init(linkEpoch: 5, revision: 2, failures: [], dryRun: []))])
    }

    @Test("hearing of the same decision again makes it no longer, neither while it is open nor after its end")
    func sameDecision() {
        var agent = agent(maxDuration: 60_000)
        _ = opening(&agent)
        linked(&agent, at: 41_000)
        #expect(snapshot(&agent, ttl: 3_560_000, at: 41_000).steps.isEmpty)
        #expect(agent.entries[Samples.entry]?.deadline == BootTime(milliseconds: 61_000))
        #expect(agent.carryOut(agent.tick(now: Samples.stamp(61_000))).steps == [.close(Samples.key)])
        // Long after an ordinary end is forgotten.
        _ = agent.tick(now: Samples.stamp(1_500_000))
        linked(&agent, at: 1_600_000)
        let effects = snapshot(&agent, ttl: 2_001_000, at: 1_600_000)
        #expect(!effects.steps.contains { if case .open = $0 { true } else { false } })
        #expect(agent.entries.isEmpty)
    }

    @Test("a new decision counts anew, and an earlier end of it is taken")
    func newDecision() {
        var agent = agent(maxDuration: 60_000)
        _ = opening(&agent)
        linked(&agent, at: 41_000)
        _ = snapshot(&agent, revision: 3, ttl: 3_600_000, at: 41_000)
        #expect(agent.entries[Samples.entry]?.deadline == BootTime(milliseconds: 101_000))
        linked(&agent, at: 50_000)
        _ = snapshot(&agent, revision: 3, ttl: 5000, at: 50_000)
        #expect(agent.entries[Samples.entry]?.deadline == BootTime(milliseconds: 55_000))
    }

    @Test("what an agent without the limit has let in is shortened at its next start, once")
    func restart() throws {
        var agent = agent(maxDuration: nil)
        _ = opening(&agent)
        func restarted(at now: Int64, _ agent: AgentMachine) -> AgentMachine {
            let state = agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(now))
            return AgentMachine(state: state, now: Samples.stamp(now), maxDuration: 60_000)
        }
        let once = restarted(at: 10_000, agent)
        #expect(once.members[Samples.key] == BootTime(milliseconds: 70_000))
        let twice = restarted(at: 40_000, once)
        #expect(twice.members[Samples.key] == BootTime(milliseconds: 70_000))
    }
}
