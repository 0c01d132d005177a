import Foundation
import Fuzz
import KnocknocModel
import KnocknocProtocol
import Testing

@testable import KnocknocAgent

/// docs/testing.md, "Fuzzing".
@Suite("the agent's state file, fuzzed", .timeLimit(.minutes(20))) struct StateFuzzTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Corpus/state").standardized

    private static func state(entries count: Int) -> AgentState {
        let entries = (0..<count).map { number in
            (
                EntryID(value: UInt128(number) + 9),
                HeldEntry(
                    target: Scene.target, address: .v4(0x0a00_0001 + UInt32(number)), revision: 3,
                    deadline: BootTime(milliseconds: 60_000 + Int64(number)))
            )
        }
        let removal = Removal(
            entry: Scene.entry, target: Scene.target, address: Scene.alice, revision: 2, epoch: "site")
        return AgentState(
            agent: testAgent, boot: "boot", wall: Timestamp(microseconds: 1_000_000_000),
            time: BootTime(milliseconds: 5000), position: Scene.position(3), targets: [Scene.guardRow()],
            entries: Dictionary(uniqueKeysWithValues: entries),
            removals: [Scene.entry: HeldRemoval(removal: removal, keptUntil: BootTime(milliseconds: 90_000))],
            trials: [
                Scene.target: HeldTrial(
                    previous: Scene.guardRow(purpose: .released).definition, deadline: BootTime(milliseconds: 7000))
            ], owed: [MemberKey(target: Scene.target, address: Scene.alice)])
    }

    @Test("torn or corrupt it gives nothing: no address, and no later end, that was not written")
    func corrupt() async throws {
        let valid = [0, 1, 3].map(Self.state)
        let files = try valid.map(StateFile.encode)
        let fuzzer = try Fuzzer(
            "state file", .bytes, corpus: Self.corpus, seeds: files,
            words: ["{\"sum\":\"", "\"deadline\":", "\"entries\":", "9", "00000000", "\"format\":1"], longest: 1 << 20)
        await fuzzer.run { input in
            let state: AgentState
            do throws(StateFile.Damage) { state = try StateFile.decode(input) } catch {
                return error.reason.filter { !$0.isNumber }
            }
            guard valid.contains(state) else { throw BrokenRule("a file that nobody wrote is taken for whole") }
            return "whole"
        }
    }

    @Test("whatever it says, an agent starts from it, and after a reboot nothing is open for longer than was left")
    func strange() async throws {
        // Behind a right checksum, as another release might have written it.
        let bodies = try [1, 3].map { Array(try JSONEncoder().encode(Self.state(entries: $0))) }
        let fuzzer = try Fuzzer(
            "state", .json, corpus: Self.corpus, seeds: bodies,
            words: ["\"deadline\":", "\"given\":", "\"entries\":[", "\"boot\":\"boot\"", "\"time\":", "\"wall\":"])
        await fuzzer.run { input in
            let state: AgentState
            do throws(StateFile.Damage) { state = try StateFile.decode(StateFile.signed(input)) } catch {
                return error.reason.filter { !$0.isNumber }
            }
            return try Self.start(from: state)
        }
    }

    private static func start(from state: AgentState) throws -> String {
        var ways: [String] = []
        for (boot, time, wall) in [("boot", Int64(6000), Int64(1001)), ("boot", 4000, 1001), ("new", 10, 1030)] {
            let now = AgentStamp(boot: boot, time: BootTime(milliseconds: time))
            let restored = state.restored(
                now: now, wall: Timestamp(microseconds: wall * 1_000_000), wallIsSynchronised: true)
            var machine = AgentMachine(state: restored, now: now, maxDuration: 3_600_000)
            for (id, held) in machine.entries {
                guard let old = state.entries[id] else { throw BrokenRule("an entry that was not in the file") }
                let before = Int128(old.deadline.milliseconds) - Int128(state.time.milliseconds)
                let after = Int128(held.deadline.milliseconds) - Int128(time)
                guard after <= before else { throw BrokenRule("\(after) ms are left of \(before)") }
            }
            _ = machine.reconcile(now: now)
            _ = machine.tick(now: AgentStamp(boot: boot, time: BootTime(milliseconds: time + 120_000)))
            _ = machine.state(wall: Timestamp(microseconds: 0), now: now)
            ways.append("\(machine.entries.isEmpty) \(machine.position == nil)")
        }
        return ways.joined(separator: ",")
    }
}
