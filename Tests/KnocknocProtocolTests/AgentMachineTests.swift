import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("The agent's end")
struct AgentMachineTests {
    @Test("a deadline counts from the agent's own stamp, however late it comes")
    func deadline() {
        var agent = Samples.linkedAgent()
        let effects = agent.received(
            Samples.changes(
                after: Samples.position(1), to: Samples.position(2, "b"), since: Samples.stamp(1000),
                [Samples.row(2, ttl: 10_000)]), now: Samples.stamp(4000))
        #expect(effects.steps == [.open(Samples.key, deadline: BootTime(milliseconds: 11_000))])
    }

    @Test("an opening is confirmed once the kernel has it, before the file")
    func confirmOpen() {
        var agent = Samples.linkedAgent()
        let effects = agent.received(opening(), now: Samples.stamp(1100))
        #expect(effects.sent.isEmpty)
        guard case .apply(let ticket, let steps)? = effects.first else {
            Issue.record("expected steps first, got \(effects)")
            return
        }
        let after = agent.applied(ticket, steps.map { _ in .applied })
        #expect(after.sent == [.applied(.init(linkEpoch: 5, revision: 2, failures: [], dryRun: []))])
    }

    @Test("a removal is confirmed once kernel and file have it")
    func confirmRemoval() {
        var agent = Samples.linkedAgent()
        _ = agent.carryOut(agent.received(opening(), now: Samples.stamp(1100)))
        let effects = agent.received(
            Samples.changes(
                after: Samples.position(2, "b"), to: Samples.position(3, "c"), since: Samples.stamp(1000),
                [Samples.row(3, ttl: nil)]), now: Samples.stamp(1200))
        #expect(effects.steps == [.close(Samples.key)])
        var tickets: [Int] = []
        var sent: [AgentMessage] = []
        for effect in effects {
            if case .apply(let ticket, let steps) = effect {
                sent += agent.applied(ticket, steps.map { _ in .applied }).sent
            }
            if case .persist(let ticket?) = effect { tickets.append(ticket) }
        }
        #expect(sent.isEmpty)
        #expect(tickets.count == 1)
        for ticket in tickets { sent += agent.persisted(ticket).sent }
        #expect(sent == [.applied(.init(linkEpoch: 5, revision: 3, failures: [], dryRun: []))])
    }

    @Test("an agent that died while it cut flows cuts them when it is back, and confirms nothing before")
    func owedCut() {
        var agent = Samples.linkedAgent()
        _ = agent.carryOut(agent.received(opening(), now: Samples.stamp(1100)))
        let effects = agent.received(
            Samples.changes(
                after: Samples.position(2, "b"), to: Samples.position(3, "c"), since: Samples.stamp(1000),
                [Samples.row(3, ttl: nil)]), now: Samples.stamp(1200))
        #expect(effects.steps == [.close(Samples.key)])
        // The file is written while the kernel is still busy; then the agent is killed.
        var restarted = AgentMachine(
            state: agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(1300)), now: Samples.stamp(1400))
        #expect(restarted.position == Samples.position(3, "c"))
        #expect(restarted.reconcile(now: Samples.stamp(1400)).steps == [.close(Samples.key)])
        #expect(restarted.reconcile(now: Samples.stamp(1500)).steps.isEmpty)
        #expect(restarted.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(1500)).owed == [Samples.key])
    }

    @Test("changes that do not follow on the agent's position make it dial again")
    func gap() {
        var agent = Samples.linkedAgent()
        let effects = agent.received(
            Samples.changes(
                after: Samples.position(2), to: Samples.position(3), since: Samples.stamp(1000),
                [Samples.row(3, ttl: 9)]),
            now: Samples.stamp(1100))
        #expect(effects.steps.isEmpty)
        #expect(effects.closes)
        #expect(agent.position == Samples.position(1))
    }

    @Test("rows counted from before the last two stamps open nothing, but close")
    func stale() {
        var agent = Samples.linkedAgent()
        _ = agent.carryOut(agent.received(opening(), now: Samples.stamp(1100)))
        for time: Int64 in [6000, 11_000] {
            _ = agent.heartbeat(now: Samples.stamp(time))
            _ = agent.received(
                .heartbeat(.init(stamp: Samples.stamp(time), databaseAge: 0, revision: 0)), now: Samples.stamp(time))
        }
        let other = EntryID(value: 10)
        let effects = agent.received(
            Samples.changes(
                after: Samples.position(2, "b"), to: Samples.position(4, "d"), since: Samples.stamp(1000),
                [
                    Samples.row(3, ttl: nil),
                    EntryRow(
                        id: other, target: Samples.target, address: .v4(5), revision: 4, ttl: 60_000),
                ]), now: Samples.stamp(11_100))
        #expect(effects.steps == [.close(Samples.key)])
        #expect(effects.closes)
        #expect(agent.position == Samples.position(2, "b"))
    }

    @Test("rows counted from another boot open nothing")
    func otherBoot() {
        var agent = Samples.linkedAgent()
        let effects = agent.received(
            Samples.changes(
                after: Samples.position(1), to: Samples.position(2), since: Samples.stamp(1000, boot: "old"),
                [Samples.row(2, ttl: 60_000)]), now: Samples.stamp(1100))
        #expect(effects.steps.isEmpty)
        #expect(effects.closes)
    }

    @Test("two entries on one address: it stays until the last of them, and shortens when the longer one ends")
    func shared() {
        var agent = Samples.linkedAgent()
        let second = EntryID(value: 10)
        let both = Samples.changes(
            after: Samples.position(1), to: Samples.position(2, "b"), since: Samples.stamp(1000),
            [Samples.row(2, ttl: 10_000), Samples.row(2, ttl: 50_000, entry: second)])
        #expect(
            agent.carryOut(agent.received(both, now: Samples.stamp(1000))).steps
                == [.open(Samples.key, deadline: BootTime(milliseconds: 51_000))])
        let longerEnds = Samples.changes(
            after: Samples.position(2, "b"), to: Samples.position(3, "c"), since: Samples.stamp(1000),
            [Samples.row(3, ttl: nil, entry: second)])
        #expect(
            agent.carryOut(agent.received(longerEnds, now: Samples.stamp(2000))).steps
                == [.open(Samples.key, deadline: BootTime(milliseconds: 11_000))])
        #expect(agent.carryOut(agent.tick(now: Samples.stamp(11_000))).steps == [.close(Samples.key)])
        #expect(agent.nextDeadline == nil)
    }

    @Test("a cut that is newer than the agent's position cuts flows although the address stays, once")
    func cut() {
        var agent = Samples.linkedAgent()
        _ = agent.carryOut(agent.received(opening(), now: Samples.stamp(1100)))
        let effects = agent.carryOut(
            agent.received(
                Samples.changes(
                    after: Samples.position(2, "b"), to: Samples.position(3, "c"), since: Samples.stamp(1000),
                    [Samples.row(3, ttl: 10_000, cut: 3)]), now: Samples.stamp(1200)))
        #expect(effects.steps == [.cut(Samples.key)])
        let again = agent.received(
            Samples.changes(
                after: Samples.position(3, "c"), to: Samples.position(4, "d"), since: Samples.stamp(1000),
                [Samples.row(4, ttl: 10_000, cut: 3)]), now: Samples.stamp(1300))
        #expect(again.steps.isEmpty)
    }

    @Test("what the kernel refuses is reported with its words, and no longer once it is done")
    func failures() {
        var agent = Samples.linkedAgent()
        var sent: [AgentMessage] = []
        for effect in agent.received(opening(), now: Samples.stamp(1100)) {
            if case .apply(let ticket, _) = effect { sent += agent.applied(ticket, [.failed("no such set")]).sent }
        }
        let failure = Failure(target: Samples.target, entry: Samples.entry, reason: "no such set")
        #expect(sent == [.applied(.init(linkEpoch: 5, revision: 2, failures: [failure], dryRun: []))])
        guard case .reconcile(let ticket, _, let members)? = agent.reconcile(now: Samples.stamp(2000)).first else {
            Issue.record("expected a reconciliation")
            return
        }
        #expect(Array(members.keys) == [Samples.key])
        let repaired = agent.reconciled(ticket, targets: [:], failures: [:])
        #expect(repaired.sent == [.applied(.init(linkEpoch: 5, revision: 2, failures: [], dryRun: []))])
    }

    @Test("an address that could not be taken away is tried again, and reported while it stands")
    func stuck() {
        var agent = Samples.linkedAgent()
        _ = agent.carryOut(agent.received(opening(), now: Samples.stamp(1100)))
        let effects = agent.received(
            Samples.changes(
                after: Samples.position(2, "b"), to: Samples.position(3, "c"), since: Samples.stamp(1000),
                [Samples.row(3, ttl: nil)]), now: Samples.stamp(1200))
        guard case .apply(let ticket, _)? = effects.first else {
            Issue.record("expected steps")
            return
        }
        let answer = agent.applied(ticket, [.failed("busy")])
        #expect(answer.contains { if case .reconcile = $0 { true } else { false } })
        let failure = Failure(target: Samples.target, entry: Samples.entry, reason: "busy")
        #expect(answer.sent == [.applied(.init(linkEpoch: 5, revision: 2, failures: [failure], dryRun: []))])
    }

    private func reconciliation(_ effects: [AgentEffect]) -> Int? {
        effects.compactMap { effect -> Int? in if case .reconcile(let ticket, _, _) = effect { ticket } else { nil } }
            .last
    }

    @Test("a closing that failed is reported until reconciling says that it is done")
    func stuckUntilDone() {
        var agent = Samples.linkedAgent()
        _ = agent.carryOut(agent.received(opening(), now: Samples.stamp(1100)))
        let effects = agent.received(
            Samples.changes(
                after: Samples.position(2, "b"), to: Samples.position(3, "c"), since: Samples.stamp(1000),
                [Samples.row(3, ttl: nil)]), now: Samples.stamp(1200))
        var again: Int?
        for effect in effects {
            if case .apply(let ticket, _) = effect { again = reconciliation(agent.applied(ticket, [.failed("busy")])) }
            if case .persist(let ticket?) = effect { _ = agent.persisted(ticket) }
        }
        let still = agent.reconciled(
            again ?? 0, targets: [Samples.target: .applied], failures: [:], stuck: [Samples.key: "busy still"])
        let failure = Failure(target: Samples.target, entry: Samples.entry, reason: "busy still")
        #expect(still.sent == [.applied(.init(linkEpoch: 5, revision: 3, failures: [failure], dryRun: []))])
        let later = reconciliation(agent.reconcile(now: Samples.stamp(9000))) ?? 0
        let done = agent.reconciled(later, targets: [Samples.target: .applied], failures: [:])
        #expect(done.sent == [.applied(.init(linkEpoch: 5, revision: 3, failures: [], dryRun: []))])
    }

    @Test("a flow that could not be cut is tried again although its address stays")
    func stuckCut() {
        var agent = Samples.linkedAgent()
        _ = agent.carryOut(agent.received(opening(), now: Samples.stamp(1100)))
        let effects = agent.received(
            Samples.changes(
                after: Samples.position(2, "b"), to: Samples.position(3, "c"), since: Samples.stamp(1000),
                [Samples.row(3, ttl: 10_000, cut: 3)]), now: Samples.stamp(1200))
        guard case .apply(let ticket, let steps)? = effects.first else {
            Issue.record("expected steps")
            return
        }
        #expect(steps == [.cut(Samples.key)])
        #expect(reconciliation(agent.applied(ticket, [.failed("busy")])) != nil)
    }

    @Test("an end that was moved ahead and that the kernel refused is tried again at once")
    func stuckEnd() {
        var agent = Samples.linkedAgent()
        _ = agent.carryOut(agent.received(opening(), now: Samples.stamp(1100)))
        let effects = agent.received(
            Samples.changes(
                after: Samples.position(2, "b"), to: Samples.position(3, "c"), since: Samples.stamp(1000),
                [Samples.row(3, ttl: 2000)]), now: Samples.stamp(1200))
        guard case .apply(let ticket, _)? = effects.first else {
            Issue.record("expected steps")
            return
        }
        #expect(reconciliation(agent.applied(ticket, [.failed("busy")])) != nil)
    }

    @Test("a report of any number of failures fits into a message")
    func manyFailures() throws {
        var agent = Samples.linkedAgent()
        let rows = (1...8000).map { number in
            EntryRow(
                id: EntryID(value: UInt128(number)), target: Samples.target, address: .v4(UInt32(number)), revision: 2,
                ttl: 60_000)
        }
        let reason = String(repeating: "no room \"here\"\n", count: 60)
        var sent: [AgentMessage] = []
        for effect in agent.received(
            Samples.changes(after: Samples.position(1), to: Samples.position(2), since: Samples.stamp(1000), rows),
            now: Samples.stamp(1100))
        {
            if case .apply(let ticket, let steps) = effect {
                sent += agent.applied(ticket, steps.map { _ in .failed(reason) }).sent
            }
        }
        let message = try #require(sent.last)
        #expect(try Codec.encode(message).count < Codec.maximumBytes)
        guard case .applied(let report) = message else {
            Issue.record("expected a report")
            return
        }
        #expect(report.failures.map(\.entry) == [nil])
        #expect(report.failures.first?.reason.hasPrefix("8000 entries are not in force") ?? false)
    }

    @Test("where the target itself has failed its entries are not named one by one")
    func failedTarget() {
        var agent = Samples.linkedAgent()
        _ = agent.carryOut(agent.received(opening(), now: Samples.stamp(1100)))
        let ticket = reconciliation(agent.reconcile(now: Samples.stamp(1200))) ?? 0
        let effects = agent.reconciled(
            ticket, targets: [Samples.target: .failed("no set")], failures: [Samples.key: "no set"])
        let failure = Failure(target: Samples.target, entry: nil, reason: "no set")
        #expect(effects.sent == [.applied(.init(linkEpoch: 5, revision: 2, failures: [failure], dryRun: []))])
    }

    @Test("a dry run is said to be one")
    func dryRun() {
        var agent = Samples.linkedAgent()
        var sent: [AgentMessage] = []
        for effect in agent.received(opening(), now: Samples.stamp(1100)) {
            if case .apply(let ticket, _) = effect { sent += agent.applied(ticket, [.dryRun]).sent }
        }
        #expect(sent == [.applied(.init(linkEpoch: 5, revision: 2, failures: [], dryRun: [Samples.target]))])
    }

    @Test("of the web nodes that a server names 32 are remembered, and none that is no name")
    func endpoints() {
        var agent = Samples.linkedAgent()
        var named = (1...40).map { "https://web-\($0).example.org" }
        named[1] = "https://" + String(repeating: "x", count: 248)
        named[2] = "https://" + String(repeating: "x", count: 247)
        _ = agent.received(.nodes(.init(endpoints: named, spread: 0)), now: Samples.stamp(1000))
        #expect(agent.endpoints == [named[0]] + named[2..<32])
    }

    @Test("two unanswered heartbeats end the link")
    func silent() {
        var agent = Samples.linkedAgent()
        #expect(!agent.heartbeat(now: Samples.stamp(6000)).closes)
        #expect(!agent.heartbeat(now: Samples.stamp(11_000)).closes)
        #expect(agent.heartbeat(now: Samples.stamp(16_000)) == [.closeLink(.silent)])
    }

    @Test("a revoked agent lets nobody in, and keeps its guard closed")
    func revoked() {
        var agent = Samples.linkedAgent(targets: [Samples.targetRow(backend: Samples.guarded)])
        _ = agent.carryOut(agent.received(opening(), now: Samples.stamp(1100)))
        let effects = agent.carryOut(
            agent.received(.bye(.init(code: .revoked, text: "")), now: Samples.stamp(1200)))
        #expect(effects.steps == [.close(Samples.key)])
        #expect(effects.closes)
        let state = agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(1200))
        #expect(state.targets.map(\.definition.purpose) == [.released])
        #expect(agent.position == nil)
    }

    @Test("a revocation is written at once, or the file goes")
    func revokedIsWritten() {
        var agent = Samples.linkedAgent()
        let effects = agent.received(.bye(.init(code: .revoked, text: "")), now: Samples.stamp(1200))
        #expect(effects.contains { if case .persist(.some) = $0 { true } else { false } })
    }

    private func opening() -> ServerMessage {
        Samples.changes(
            after: Samples.position(1), to: Samples.position(2, "b"), since: Samples.stamp(1000),
            [Samples.row(2, ttl: 10_000)])
    }
}
