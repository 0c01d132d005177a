import KnocknocModel
import KnocknocProtocol
import Testing

/// A Knoc that demands to be closed after 60 s without a server, and others that do not.
@Suite("without a server")
struct ContactTests {
    private static let reason = "closed here because no server has spoken to this agent for too long"

    private static func target(closeAfter seconds: Int64?) -> TargetRow {
        var row = Samples.targetRow()
        row.definition.closeAfterSeconds = seconds
        return row
    }

    /// One address is open until 3,601 s; the last word of a server was at 1 s.
    private func agent(closeAfter seconds: Int64? = 60) -> AgentMachine {
        var agent = Samples.linkedAgent(targets: [Self.target(closeAfter: seconds)])
        _ = agent.carryOut(
            agent.received(
                Samples.changes(
                    after: Samples.position(1), to: Samples.position(2, "b"), since: Samples.stamp(1000),
                    [Samples.row(2, ttl: 3_600_000)]), now: Samples.stamp(1000)))
        return agent
    }

    private func relinked(_ agent: inout AgentMachine, at now: Int64) {
        _ = agent.linkDown()
        Samples.link(&agent, now: Samples.stamp(now), epoch: now)
    }

    /// The server says that nothing has changed.
    private func confirmed(_ agent: inout AgentMachine, at now: Int64, _ rows: [EntryRow] = []) -> [AgentEffect] {
        let before = Samples.position(2, "b")
        let after = rows.isEmpty ? before : Samples.position(3, "c")
        return agent.carryOut(
            agent.received(
                Samples.changes(after: before, to: after, since: Samples.stamp(now), rows), now: Samples.stamp(now)))
    }

    private func beat(_ agent: inout AgentMachine, at now: Int64, databaseAge: Int64 = 0) -> [AgentEffect] {
        _ = agent.heartbeat(now: Samples.stamp(now))
        return agent.carryOut(
            agent.received(
                .heartbeat(.init(stamp: Samples.stamp(now), databaseAge: databaseAge, revision: 2)),
                now: Samples.stamp(now)))
    }

    private func tick(_ agent: inout AgentMachine, at now: Int64) -> [AgentEffect] {
        agent.carryOut(agent.tick(now: Samples.stamp(now)))
    }

    private let opened = MemberStep.open(Samples.key, deadline: BootTime(milliseconds: 3_601_000))

    @Test("an address is let in no more after the time that its Knoc demands, by the agent's own clock")
    func closes() {
        var agent = agent()
        _ = agent.linkDown()
        #expect(agent.nextDeadline == BootTime(milliseconds: 61_000))
        #expect(tick(&agent, at: 60_999).steps.isEmpty)
        #expect(tick(&agent, at: 61_000).steps == [.close(Samples.key)])
        #expect(agent.members.isEmpty && agent.lapsed == [Samples.target])
        #expect(agent.nextDeadline == BootTime(milliseconds: 3_601_000), "its own end comes all the same")
        // Looking at the kernel again brings nothing back.
        #expect(agent.carryOut(agent.reconcile(now: Samples.stamp(62_000))).steps.isEmpty)
        #expect(agent.members.isEmpty)
    }

    @Test("without such a demand it stays until its own end")
    func stays() {
        var agent = agent(closeAfter: nil)
        _ = agent.linkDown()
        #expect(tick(&agent, at: 3_600_999).steps.isEmpty)
        #expect(tick(&agent, at: 3_601_000).steps == [.close(Samples.key)])
    }

    @Test("a link alone opens nothing: only what the server then says does")
    func reopens() {
        var agent = agent()
        _ = agent.linkDown()
        _ = tick(&agent, at: 90_000)
        relinked(&agent, at: 90_000)
        #expect(tick(&agent, at: 90_500).steps.isEmpty)
        #expect(beat(&agent, at: 91_000).steps.isEmpty)
        #expect(agent.members.isEmpty)
        #expect(confirmed(&agent, at: 91_000).steps == [opened])
        #expect(agent.lapsed.isEmpty)
        var other = self.agent()
        _ = other.linkDown()
        _ = tick(&other, at: 90_000)
        relinked(&other, at: 90_000)
        let gone = confirmed(&other, at: 90_000, [Samples.row(3, ttl: nil)])
        #expect(!gone.steps.contains(opened) && other.members.isEmpty, "it was taken back meanwhile")
    }

    @Test("a snapshot opens it at its end, and what it does not name stays closed")
    func snapshot() {
        for entries in [[], [Samples.row(3, ttl: 3_511_000)]] as [[EntryRow]] {
            var agent = agent()
            _ = agent.linkDown()
            _ = tick(&agent, at: 90_000)
            relinked(&agent, at: 90_000)
            let position = Samples.position(3, "c")
            var steps: [MemberStep] = []
            for message: ServerMessage in [
                .snapshotBegin(.init(position: position)),
                .snapshotChunk(
                    .init(since: Samples.stamp(90_000), targets: [Self.target(closeAfter: 60)], entries: entries)),
            ] {
                steps += agent.carryOut(agent.received(message, now: Samples.stamp(90_000))).steps
            }
            #expect(!steps.contains { if case .open = $0 { true } else { false } })
            let end = ServerMessage.snapshotEnd(.init(position: position))
            _ = agent.carryOut(agent.received(end, now: Samples.stamp(90_000)))
            #expect(agent.members.count == entries.count && agent.lapsed.isEmpty)
        }
    }

    @Test("a node that has lost its database is no server; its age counts from the heartbeat that it answers")
    func databaseAway() {
        var agent = agent()
        #expect(beat(&agent, at: 50_000, databaseAge: 40_000).isEmpty)
        // Last known to be there at 10 s.
        #expect(agent.nextDeadline == BootTime(milliseconds: 70_000))
        _ = beat(&agent, at: 60_000, databaseAge: 50_000)
        let effects = tick(&agent, at: 70_000)
        #expect(effects.steps == [.close(Samples.key)])
        guard case .applied(let report)? = effects.sent.last else {
            Issue.record("the node was not told")
            return
        }
        #expect(report.failures == [Failure(target: Samples.target, entry: nil, reason: Self.reason)])
        // The database is back: what was decided meanwhile is asked for by a new link.
        let back = beat(&agent, at: 75_000, databaseAge: 200)
        #expect(back.closes && back.steps.isEmpty && agent.members.isEmpty)
        relinked(&agent, at: 76_000)
        #expect(confirmed(&agent, at: 76_000).steps == [opened])
    }

    @Test("what was said of a moment that is too long ago opens nothing")
    func late() {
        var agent = agent()
        _ = agent.linkDown()
        _ = tick(&agent, at: 90_000)
        relinked(&agent, at: 90_000)
        let position = Samples.position(2, "b")
        let said = Samples.changes(after: position, to: position, since: Samples.stamp(90_000), [])
        #expect(agent.carryOut(agent.received(said, now: Samples.stamp(150_000))).steps.isEmpty)
        #expect(agent.members.isEmpty && agent.lapsed == [Samples.target])
    }

    @Test("answers to heartbeats keep it open; an answer that was long under way says only how it was then")
    func heartbeats() {
        var agent = agent()
        for now in stride(from: 20_000, through: 200_000, by: 20_000) as StrideThrough<Int64> {
            _ = beat(&agent, at: now)
            #expect(tick(&agent, at: now + 1).steps.isEmpty)
        }
        _ = agent.heartbeat(now: Samples.stamp(210_000))
        #expect(
            agent.received(
                .heartbeat(.init(stamp: Samples.stamp(210_000), databaseAge: 0, revision: 2)),
                now: Samples.stamp(265_000)
            ).isEmpty)
        #expect(agent.nextDeadline == BootTime(milliseconds: 270_000))
        // A stamp that this agent never gave.
        _ = agent.received(
            .heartbeat(.init(stamp: Samples.stamp(900_000), databaseAge: 0, revision: 2)), now: Samples.stamp(265_000))
        #expect(agent.nextDeadline == BootTime(milliseconds: 270_000))
    }

    @Test("a restart counts on from the file, closed stays closed, and established flows are cut")
    func restart() throws {
        var agent = agent()
        _ = agent.linkDown()
        let state = agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(10_000))
        let soon = AgentMachine(state: state, now: Samples.stamp(20_000))
        #expect(soon.members.count == 1 && soon.nextDeadline == BootTime(milliseconds: 61_000))
        var late = AgentMachine(state: state, now: Samples.stamp(61_000))
        #expect(late.members.isEmpty && late.lapsed == [Samples.target])
        #expect(late.carryOut(late.reconcile(now: Samples.stamp(61_000))).steps == [.close(Samples.key)])
        _ = tick(&agent, at: 70_000)
        let closed = agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(70_000))
        var again = AgentMachine(state: closed, now: Samples.stamp(71_000))
        #expect(again.members.isEmpty)
        Samples.link(&again, now: Samples.stamp(72_000))
        #expect(again.members.isEmpty)
        #expect(confirmed(&again, at: 72_000).steps == [opened])
    }

    @Test("another boot: the time that passed counts, and what cannot be believed is no word of a server")
    func reboot() {
        let agent = agent()
        let state = agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(11_000))
        let now = Samples.stamp(5000, boot: "new")
        func restored(after seconds: Int64, _ believed: Bool) -> AgentMachine {
            AgentMachine(
                state: state.restored(
                    now: now, wall: Timestamp(microseconds: seconds * 1_000_000), wallIsSynchronised: believed),
                now: now)
        }
        // 10 s had passed at the stamp, 30 s since.
        #expect(restored(after: 30, true).nextDeadline == BootTime(milliseconds: 25_000))
        #expect(restored(after: 50, true).members.isEmpty)
        #expect(restored(after: 1, false).lapsed == [Samples.target])
    }
}
