import Foundation
import Fuzz
import KnocknocModel
import Testing

@testable import KnocknocProtocol

extension FuzzTests {
    /// What a web node, or whoever holds the wire to it, may send: lines, each a frame.
    @Test("frames to an agent open nothing that they do not name, and for no longer")
    func serverFrames() async throws {
        let recorded = CodecTests.serverMessages
        let opened = Samples.changes(
            after: Samples.position(1), to: Samples.position(2), since: Samples.stamp(1000),
            [Samples.row(2, ttl: 60_000)])
        let closed = Samples.changes(
            after: Samples.position(2), to: Samples.position(3), since: Samples.stamp(1000), [Samples.row(3, ttl: nil)])
        let prolonged = Samples.changes(
            after: Samples.position(2), to: Samples.position(3), since: Samples.stamp(1000),
            targets: [Samples.targetRow(3, backend: Samples.guarded, confirmed: false)],
            [Samples.row(3, ttl: 90_000, cut: 3)])
        let snapshot: [ServerMessage] = [
            .snapshotBegin(.init(position: Samples.position(7, "b"), diverged: true)),
            .snapshotChunk(
                .init(
                    since: Samples.stamp(1000), targets: [Samples.targetRow(5, backend: Samples.guarded)],
                    entries: [
                        Samples.row(6, ttl: 30_000), Samples.row(7, ttl: 40_000, entry: EntryID(value: 10)),
                    ])),
            .snapshotEnd(.init(position: Samples.position(7, "b"))),
        ]
        let revoked = ServerMessage.bye(.init(code: .revoked, text: "gone"))
        let seeds = try [recorded, [opened, closed], [opened, prolonged] + snapshot, [opened, revoked] + snapshot].map {
            try $0.map { String(decoding: try Codec.encode($0), as: UTF8.self) }.joined(separator: "\n")
        }
        let fuzzer = try Fuzzer(
            "server frames", .json, corpus: Self.corpus("server-frames"), seeds: seeds.map { Array($0.utf8) },
            words: [
                "\"type\":", "\"ttl_ms\":", "\"cut\":", "\"since\":", "\"revision\":", "snapshot_end", "changes", "\n",
                "\"trial_seconds\":", "\"heartbeat_ms\":", "\"moat\"", "boot",
            ])
        await fuzzer.run { try Listener().take($0) }
    }
}

/// An agent that reads what comes, and somebody who keeps count of what it was ever told.
private struct Listener {
    var machine = Samples.linkedAgent()
    var now = Samples.stamp(1000)
    var epoch: Int64 = 5
    /// Until when each address may be open at most.
    var allowed: [MemberKey: BootTime] = [:]
    var words: Set<String> = []

    mutating func carryOut(_ effects: [AgentEffect]) throws {
        let rest = machine.carryOut(effects)
        for message in rest.sent { _ = try Codec.encode(message) }
        for effect in rest { words.insert(String(String(describing: effect).prefix { $0 != "(" })) }
        guard rest.closes else { return }
        _ = machine.linkDown()
        epoch += 1
        Samples.link(&machine, now: now, epoch: epoch)
    }

    consuming func take(_ input: [UInt8]) throws -> String {
        for line in input.split(separator: UInt8(ascii: "\n"), maxSplits: 40) {
            now.time = now.time.adding(milliseconds: 50)
            let message: ServerMessage
            do throws(ProtocolError) { message = try Codec.decodeServer(line) } catch {
                words.insert(String(error.message.prefix(60)))
                _ = machine.linkDown()
                epoch += 1
                Samples.link(&machine, now: now, epoch: epoch)
                continue
            }
            // What was read can be said, and means the same.
            if let text = try? Codec.encode(message), try Codec.decodeServer(text) != message {
                throw BrokenRule("a message is another once it was written and read: \(message)")
            }
            switch message {
            case .changes(let changes): allow(changes.rows)
            case .snapshotChunk(let rows): allow(rows)
            default: break
            }
            words.insert("<" + String(String(describing: message).prefix { $0 != "(" }))
            try carryOut(machine.received(message, now: now))
            try carryOut(machine.tick(now: now))
            try compare()
        }
        let state = machine.state(wall: Timestamp(microseconds: 1), now: now)
        if let text = try? JSONEncoder().encode(state), try JSONDecoder().decode(AgentState.self, from: text) != state {
            throw BrokenRule("the state is another once it was written and read")
        }
        try carryOut(machine.reconcile(now: now))
        try compare()
        return words.sorted().joined(separator: " ")
    }

    /// A row counts from a stamp of the agent's own, which is never in its future, and for a hundred years at most.
    private mutating func allow(_ rows: ServerMessage.Rows) {
        guard rows.since.boot == now.boot, rows.since.time <= now.time else { return }
        for row in rows.entries {
            let key = MemberKey(target: row.target, address: row.address)
            let end = rows.since.time.milliseconds.addingReportingOverflow(min(row.ttl ?? 0, AgentMachine.longest))
            guard !end.overflow else { continue }
            allowed[key] = max(allowed[key] ?? BootTime(milliseconds: .min), BootTime(milliseconds: end.partialValue))
        }
    }

    private func compare() throws {
        for (key, deadline) in machine.members {
            guard let end = allowed[key] else { throw BrokenRule("\(key.address) is open and nobody said so") }
            guard deadline <= end else { throw BrokenRule("\(key.address) is open until \(deadline), not \(end)") }
        }
    }
}
