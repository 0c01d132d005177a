import Foundation
import Fuzz
import KnocknocModel
import KnocknocProtocol
import Testing

extension FuzzTests {
    /// What an agent, or whoever has its token, may send: lines, each a frame.
    @Test("frames to a web node end in what can be sent, and record nothing that was not sent")
    func agentFrames() async throws {
        let applied = AgentMessage.applied(
            .init(linkEpoch: 5, revision: 2, failures: [], dryRun: []))
        let talk: [AgentMessage] = [
            .hello(Samples.hello(position: Samples.position(1))), .heartbeat(Samples.stamp(2000)), applied,
            .pong(.init(id: "p")), applied,
        ]
        let seeds = try [CodecTests.agentMessages, talk].map {
            try $0.map { String(decoding: try Codec.encode($0), as: UTF8.self) }.joined(separator: "\n")
        }
        let fuzzer = try Fuzzer(
            "agent frames", .json, corpus: Self.corpus("agent-frames"), seeds: seeds.map { Array($0.utf8) },
            words: [
                "\"type\":", "\"hello\"", "\"applied\"", "\"link_epoch\":5", "\"revision\":", "\"removals\":[", "\n",
                "\"failures\":[", "\"position\":", "boot",
            ])
        await fuzzer.run { try Speaker().take($0) }
    }
}

/// A web node that takes what comes from one agent.
private struct Speaker {
    var machine: LinkMachine?
    var sent: Int64 = .min
    var words: Set<String> = []

    private static let rows = StreamRows(
        position: Samples.position(2), targets: [Samples.targetRow(2)],
        entries: [
            .init(
                id: Samples.entry, target: Samples.target, address: Samples.address, revision: 2,
                expiresAt: Timestamp(microseconds: 60_000_000))
        ])

    consuming func take(_ input: [UInt8]) throws -> String {
        var at = Timestamp(microseconds: 1_000_000)
        for line in input.split(separator: UInt8(ascii: "\n"), maxSplits: 40) {
            at = at.adding(milliseconds: 10)
            let message: AgentMessage
            do throws(ProtocolError) { message = try Codec.decodeAgent(line) } catch {
                words.insert(String(error.message.prefix(60)))
                // As the hub does: what is no message ends the link.
                if error.code == .unknownType { continue }
                break
            }
            if let text = try? Codec.encode(message), try Codec.decodeAgent(text) != message {
                throw BrokenRule("a message is another once it was written and read: \(message)")
            }
            words.insert("<" + String(String(describing: message).prefix { $0 != "(" }))
            guard machine != nil else {
                guard case .hello(let hello) = message else { break }
                machine = LinkMachine(hello: hello, linkEpoch: 5, at: at)
                try carryOut(
                    machine?.start(welcome: .init(linkEpoch: 5, node: "n", heartbeat: 5000, version: "1")) ?? [])
                continue
            }
            if case .heartbeat(let stamp) = message {
                try carryOut(machine?.heartbeat(stamp, at: at, databaseAge: 1) ?? [])
            } else {
                try carryOut(machine?.received(message) ?? [])
            }
            try carryOut(machine?.wake() ?? [])
        }
        return words.sorted().joined(separator: " ")
    }

    private mutating func carryOut(_ effects: [LinkEffect]) throws {
        for effect in effects {
            words.insert(String(String(describing: effect).prefix { $0 != "(" }))
            switch effect {
            case .send(let message):
                // More than fits is refused, never cut short.
                _ = try? Codec.encode(message)
                if case .changes(let changes) = message { sent = max(sent, changes.position.revision) }
                if case .snapshotEnd(let end) = message { sent = max(sent, end.position.revision) }
            case .fetch(let after):
                let known = after == Samples.position(1) || after == Samples.position(2)
                let rows = after == Samples.position(2) ? StreamRows(position: Samples.position(2)) : Self.rows
                let answer: StreamAnswer =
                    if known, let after { .delta(rows, after: after) } else {
                        .snapshot(Self.rows, diverged: after != nil)
                    }
                try carryOut(machine?.fetched(answer) ?? [])
                while machine?.isSending ?? false { try carryOut(machine?.written() ?? []) }
            case .replayRemovals: try carryOut(machine?.replayed() ?? [])
            case .record(let applied):
                guard applied.revision <= max(sent, 2), applied.linkEpoch == 5 else {
                    throw BrokenRule("revision \(applied.revision) of link \(applied.linkEpoch) is recorded")
                }
            case .trial, .ponged, .fetched, .close: break
            }
        }
    }
}
