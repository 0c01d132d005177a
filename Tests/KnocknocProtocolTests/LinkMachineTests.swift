import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("The server's end")
struct LinkMachineTests {
    static let start = Timestamp(microseconds: 1_000_000_000)

    private func machine(at position: Position?, removals: [Removal] = []) -> LinkMachine {
        var machine = LinkMachine(
            hello: Samples.hello(position: position, removals: removals), linkEpoch: 5, at: Self.start)
        _ = machine.start(welcome: .init(linkEpoch: 5, node: "web-1", heartbeat: 5000, version: "1"))
        return machine
    }

    private func entry(_ number: Int, expires seconds: Int64 = 1060) -> StreamEntry {
        StreamEntry(
            id: EntryID(value: UInt128(number)), target: Samples.target, address: Samples.address, revision: 2,
            expiresAt: Timestamp(microseconds: seconds * 1_000_000))
    }

    @Test("a report is repeated to a store that lost it, and to no other history")
    func repeated() {
        var machine = machine(at: Samples.position(2))
        _ = machine.fetched(.delta(StreamRows(position: Samples.position(2)), after: Samples.position(2)))
        let report = AgentMessage.Applied(linkEpoch: 5, revision: 2, failures: [], dryRun: [])
        #expect(machine.received(.applied(report)) == [.record(report)])
        func standing(_ position: Position, _ unreported: Int64?) -> LinkStanding {
            LinkStanding(position: position, linkEpoch: 5, unreported: unreported)
        }
        #expect(machine.compare(standing(Samples.position(2), nil)).isEmpty)
        #expect(machine.compare(standing(Samples.position(2), 2)) == [.record(report)])
        // The same number of another history: the agent has never heard of what is there.
        let other = Samples.position(2, "another")
        #expect(machine.compare(standing(other, 2)) == [.fetch(after: Samples.position(2))])
        #expect(machine.reconnected().isEmpty)
        #expect(machine.fetched(.snapshot(StreamRows(position: other), diverged: true)).count == 1)
    }

    @Test("a store that was reached anew and knows the position is told again")
    func reached() {
        var machine = machine(at: Samples.position(2))
        _ = machine.fetched(.delta(StreamRows(position: Samples.position(2)), after: Samples.position(2)))
        let report = AgentMessage.Applied(linkEpoch: 5, revision: 2, failures: [], dryRun: [])
        _ = machine.received(.applied(report))
        #expect(machine.reconnected() == [.fetch(after: Samples.position(2))])
        let same = StreamAnswer.delta(StreamRows(position: Samples.position(2)), after: Samples.position(2))
        #expect(machine.fetched(same) == [.record(report)])
        #expect(machine.wake() == [.fetch(after: Samples.position(2))])
        #expect(machine.fetched(same).isEmpty)
    }

    @Test("one read is under way at most; wakes meanwhile make one more")
    func coalesced() {
        var machine = machine(at: Samples.position(1))
        #expect(machine.wake().isEmpty)
        #expect(machine.wake().isEmpty)
        let effects = machine.fetched(.delta(StreamRows(position: Samples.position(2)), after: Samples.position(1)))
        #expect(effects.last == .fetch(after: Samples.position(2)))
        #expect(machine.fetched(.delta(StreamRows(position: Samples.position(2)), after: Samples.position(2))).isEmpty)
    }

    @Test("a commit's own step is sent where the agent stands before it, and is read for where it does not")
    func stepped() {
        var machine = machine(at: Samples.position(1))
        let step = StreamStep(
            after: Samples.position(1), rows: StreamRows(position: Samples.position(2), entries: [entry(1)]))
        // The first read is under way: what it brings may be older.
        #expect(machine.stepped(step).isEmpty)
        let first = machine.fetched(.delta(StreamRows(position: Samples.position(1)), after: Samples.position(1)))
        #expect(first.last == .fetch(after: Samples.position(1)))
        _ = machine.fetched(.delta(StreamRows(position: Samples.position(1)), after: Samples.position(1)))
        guard case .send(.changes(let changes))? = machine.stepped(step).first else {
            Issue.record("expected changes")
            return
        }
        #expect(changes.after == Samples.position(1))
        #expect(changes.position == Samples.position(2))
        #expect(changes.rows.entries.count == 1)
        // Known by now, then one that skips another, then one of a history that was lost.
        #expect(machine.stepped(step).isEmpty)
        let later = StreamStep(after: Samples.position(3), rows: StreamRows(position: Samples.position(4)))
        #expect(machine.stepped(later) == [.fetch(after: Samples.position(2))])
        _ = machine.fetched(.delta(StreamRows(position: Samples.position(4)), after: Samples.position(2)))
        var other = Samples.position(4)
        other.change = "another"
        #expect(
            machine.stepped(StreamStep(after: other, rows: StreamRows(position: Samples.position(5))))
                == [.fetch(after: Samples.position(4))])
    }

    @Test("what is left counts from the database's time when the heartbeat arrived, never below nothing")
    func ttl() {
        var machine = machine(at: Samples.position(1))
        _ = machine.heartbeat(Samples.stamp(6000), at: Self.start.adding(seconds: 5), databaseAge: 0)
        let rows = StreamRows(position: Samples.position(2), entries: [entry(1), entry(2, expires: 900)])
        guard case .send(.changes(let changes))? = machine.fetched(.delta(rows, after: Samples.position(1))).first
        else {
            Issue.record("expected changes")
            return
        }
        #expect(changes.rows.since == Samples.stamp(6000))
        #expect(changes.rows.entries.map(\.ttl) == [55_000, 0])
    }

    @Test("every chunk of a snapshot is within 256 KiB, and together they are everything")
    func chunks() throws {
        var machine = machine(at: nil)
        let rows = StreamRows(
            position: Samples.position(2), targets: [Samples.targetRow()], entries: (0..<5000).map { entry($0) })
        var effects = machine.fetched(.snapshot(rows, diverged: false))
        var entries = 0
        var chunks = 0
        var ended = false
        while !ended {
            for effect in effects {
                guard case .send(let message) = effect else { continue }
                if case .snapshotChunk(let rows) = message {
                    #expect(try Codec.encode(message).count <= 256 << 10)
                    entries += rows.entries.count
                    chunks += 1
                }
                if case .snapshotEnd = message { ended = true }
            }
            #expect(machine.isSending != ended)
            effects = machine.written()
        }
        #expect(entries == 5000)
        #expect(chunks > 4)
        #expect(machine.position == Samples.position(2))
    }

    @Test("each chunk counts from the newest heartbeat")
    func chunkStamps() {
        var machine = machine(at: nil)
        let rows = StreamRows(position: Samples.position(2), entries: (0..<1500).map { entry($0) })
        _ = machine.fetched(.snapshot(rows, diverged: false))
        _ = machine.heartbeat(Samples.stamp(6000), at: Self.start.adding(seconds: 5), databaseAge: 0)
        guard case .send(.snapshotChunk(let chunk))? = machine.written().first else {
            Issue.record("expected a chunk")
            return
        }
        #expect(chunk.since == Samples.stamp(6000))
    }

    @Test("more than one message can hold is sent as a snapshot")
    func largeDelta() {
        var machine = machine(at: Samples.position(1))
        let rows = StreamRows(position: Samples.position(2), entries: (0..<5000).map { entry($0) })
        #expect(machine.fetched(.delta(rows, after: Samples.position(1))) == [.fetch(after: nil)])
    }

    @Test("removals are replayed before a snapshot, not before a delta")
    func replay() {
        let removal = Removal(
            entry: Samples.entry, target: Samples.target, address: Samples.address, revision: 1, epoch: "site")
        var known = machine(at: Samples.position(1), removals: [removal])
        let delta = known.fetched(.delta(StreamRows(position: Samples.position(1)), after: Samples.position(1)))
        #expect(!delta.contains(.replayRemovals([removal])))
        var unknown = machine(at: Samples.position(1), removals: [removal])
        let snapshot = StreamAnswer.snapshot(StreamRows(position: Samples.position(3)), diverged: true)
        #expect(unknown.fetched(snapshot) == [.replayRemovals([removal])])
        #expect(unknown.wake().isEmpty)
        #expect(unknown.replayed() == [.fetch(after: nil)])
        let again = StreamAnswer.snapshot(StreamRows(position: Samples.position(4)), diverged: false)
        #expect(
            unknown.fetched(again).first
                == .send(.snapshotBegin(.init(position: Samples.position(4), diverged: true))))
    }

    @Test("records that move under the link make the agent say hello again")
    func rewound() {
        var machine = machine(at: Samples.position(1))
        _ = machine.fetched(.delta(StreamRows(position: Samples.position(1)), after: Samples.position(1)))
        _ = machine.wake()
        let effects = machine.fetched(.snapshot(StreamRows(position: Samples.position(1, "z")), diverged: true))
        guard case .close(let bye)? = effects.first else {
            Issue.record("expected a bye")
            return
        }
        #expect(bye.code == .resync)
        #expect(machine.wake().isEmpty)
    }

    @Test("the comparison reads where the change id differs, and ends a link that was overtaken")
    func compare() {
        var machine = machine(at: Samples.position(1))
        _ = machine.fetched(.delta(StreamRows(position: Samples.position(1)), after: Samples.position(1)))
        #expect(machine.compare(.init(position: Samples.position(1), linkEpoch: 5)).isEmpty)
        #expect(
            machine.compare(.init(position: Samples.position(1, "z"), linkEpoch: 4))
                == [.fetch(after: Samples.position(1))])
        guard case .close(let bye)? = machine.compare(.init(position: Samples.position(1), linkEpoch: 6)).first else {
            Issue.record("expected a bye")
            return
        }
        #expect(bye.code == .replaced)
    }

    @Test("a report of another link or of what was not sent is not recorded")
    func reports() {
        var machine = machine(at: Samples.position(1))
        _ = machine.fetched(.delta(StreamRows(position: Samples.position(1)), after: Samples.position(1)))
        func report(_ epoch: Int64, _ revision: Int64) -> AgentMessage {
            .applied(.init(linkEpoch: epoch, revision: revision, failures: [], dryRun: []))
        }
        #expect(machine.received(report(4, 1)).isEmpty)
        guard case .record? = machine.received(report(5, 1)).first else {
            Issue.record("expected a record")
            return
        }
        guard case .close(let bye)? = machine.received(report(5, 2)).first else {
            Issue.record("expected a bye")
            return
        }
        #expect(bye.code == .protocolError)
    }
}
