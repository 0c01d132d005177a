import Foundation
import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("The state file's content")
struct RestoreTests {
    /// Stamped at wall 1,000 s and BOOTTIME 100 s, with 60 s left.
    static let state = AgentState(
        agent: Samples.agent, boot: "boot", wall: Timestamp(microseconds: 1_000_000_000),
        time: BootTime(milliseconds: 100_000), position: Samples.position(4), targets: [Samples.targetRow()],
        entries: [
            Samples.entry: HeldEntry(
                target: Samples.target, address: Samples.address, revision: 4, deadline: BootTime(milliseconds: 160_000)
            )
        ],
        removals: [
            EntryID(value: 3): HeldRemoval(
                removal: Removal(
                    entry: EntryID(value: 3), target: Samples.target, address: .v4(3), revision: 3, epoch: "site"),
                keptUntil: BootTime(milliseconds: 200_000))
        ])

    private func restored(boot: String, time: Int64, wall seconds: Int64, synchronised: Bool) -> AgentState {
        Self.state.restored(
            now: Samples.stamp(time, boot: boot), wall: Timestamp(microseconds: seconds * 1_000_000),
            wallIsSynchronised: synchronised)
    }

    @Test("in the same boot BOOTTIME counts, whatever the wall clock says")
    func sameBoot() {
        let state = restored(boot: "boot", time: 130_000, wall: 5, synchronised: false)
        #expect(state.entries[Samples.entry]?.deadline == BootTime(milliseconds: 160_000))
        #expect(state.position == Samples.position(4))
    }

    @Test("in another boot what is left is less by the time that passed")
    func otherBoot() {
        let state = restored(boot: "new", time: 5_000, wall: 1040, synchronised: true)
        #expect(state.entries[Samples.entry]?.deadline == BootTime(milliseconds: 25_000))
    }

    @Test(
        "with a wall clock that is not synchronised, or before the stamp, nobody is let in",
        arguments: [
            (Int64(1040), false), (Int64(999), true),
        ])
    func closed(wall: Int64, synchronised: Bool) {
        let state = restored(boot: "new", time: 5_000, wall: wall, synchronised: synchronised)
        #expect(state.entries.isEmpty)
        #expect(state.position == nil)
        #expect(state.targets == Self.state.targets)
        #expect(state.removals.count == 1)
    }

    @Test("flows that were still to be cut are of their boot")
    func owed() {
        var state = Self.state
        state.owed = [Samples.key]
        func restored(_ boot: String, _ time: Int64) -> Set<MemberKey> {
            state.restored(
                now: Samples.stamp(time, boot: boot), wall: Timestamp(microseconds: 1_040_000_000),
                wallIsSynchronised: true
            ).owed
        }
        #expect(restored("boot", 130_000) == [Samples.key])
        #expect(restored("new", 5000).isEmpty)
    }

    @Test("BOOTTIME that went backwards in the same boot is not believed")
    func backwards() {
        #expect(restored(boot: "boot", time: 99_999, wall: 1001, synchronised: true).entries.isEmpty)
    }

    @Test("the file's text comes back as it was")
    func text() throws {
        let data = try JSONEncoder().encode(Self.state)
        #expect(try JSONDecoder().decode(AgentState.self, from: data) == Self.state)
    }

    @Test("a state that was not moved to this boot counts for nothing")
    func notRestored() {
        let agent = AgentMachine(state: Self.state, now: Samples.stamp(5, boot: "new"))
        #expect(agent.entries.isEmpty)
        #expect(agent.position == nil)
    }
}
