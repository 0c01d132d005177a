import KnocknocModel
import KnocknocProtocol
import Testing

@Suite("Allow lists that have ended")
struct EndedListTests {
    private static let month: Int64 = 30 * 24 * 3_600_000

    private static func row(_ number: UInt128 = 1, _ purpose: TargetDefinition.Purpose = .enforce) -> TargetRow {
        let list = AllowListBackend(service: AllowListService(id: AllowListID(value: number), keys: []))
        return TargetRow(
            definition: TargetDefinition(
                id: TargetID(value: number), backend: .allowList(list), confirmed: true, purpose: purpose), revision: 1)
    }

    private func state(_ agent: AgentMachine, at time: Int64) -> AgentState {
        agent.state(wall: Timestamp(microseconds: 0), now: Samples.stamp(time))
    }

    private func purposes(_ effects: [AgentEffect]) -> [TargetDefinition.Purpose]? {
        for case .reconcile(_, let targets, _) in effects { return targets.map(\.purpose) }
        return nil
    }

    @Test("stay, released, when a server names them no more, over restarts, for a month")
    func kept() throws {
        var agent = Samples.linkedAgent(targets: [Self.row()])
        _ = agent.carryOut(
            agent.received(.bye(.init(code: .revoked, text: "deleted")), now: Samples.stamp(1000)))
        #expect(state(agent, at: 1000).lists == [Samples.target: BootTime(milliseconds: 1000 + Self.month)])
        var restarted = AgentMachine(state: state(agent, at: 1000), now: Samples.stamp(2000))
        #expect(purposes(restarted.reconcile(now: Samples.stamp(2000))) == [.released])
        // A snapshot that does not name it changes nothing.
        Samples.link(&restarted, now: Samples.stamp(3000))
        for message in [
            ServerMessage.snapshotBegin(.init(position: Samples.position(5), diverged: false)),
            .snapshotEnd(.init(position: Samples.position(5))),
        ] { _ = restarted.carryOut(restarted.received(message, now: Samples.stamp(3000))) }
        #expect(state(restarted, at: 3000).lists == [Samples.target: BootTime(milliseconds: 1000 + Self.month)])
        #expect(restarted.nextDeadline == BootTime(milliseconds: 1000 + Self.month))
        _ = restarted.carryOut(restarted.tick(now: Samples.stamp(1000 + Self.month)))
        #expect(state(restarted, at: 1000 + Self.month).targets.isEmpty && restarted.nextDeadline == nil)
    }

    @Test("in a file of an older agent are kept from its start on, and a reboot shortens nothing")
    func older() {
        var old = RestoreTests.state
        (old.targets, old.entries) = ([Self.row(1, .released), Self.row(2)], [:])
        let agent = AgentMachine(state: old, now: Samples.stamp(200_000))
        let lists = state(agent, at: 200_000).lists
        #expect(lists == [Samples.target: BootTime(milliseconds: 200_000 + Self.month)])
        old.lists = lists
        let other = old.restored(
            now: Samples.stamp(5000, boot: "new"), wall: Timestamp(microseconds: 0), wallIsSynchronised: false)
        #expect(other.lists == [Samples.target: BootTime(milliseconds: 5000 + 100_000 + Self.month)])
    }

    @Test("that are in force again are kept no longer, and of very many the oldest give way")
    func bounds() {
        let many = (1...101).map { Self.row(UInt128($0)) }
        var agent = Samples.linkedAgent(targets: many)
        func take(_ rows: [TargetRow], _ revision: Int64) {
            _ = agent.carryOut(
                agent.received(
                    Samples.changes(
                        after: Samples.position(revision - 1), to: Samples.position(revision),
                        since: Samples.stamp(1000), targets: rows, []), now: Samples.stamp(1000 + revision)))
        }
        take([Self.row(7, .released)], 2)
        take((1...101).filter { $0 != 7 }.map { Self.row(UInt128($0), .released) }, 3)
        let kept = state(agent, at: 2000)
        #expect(kept.lists?.count == 100 && kept.lists?[TargetID(value: 7)] == nil && kept.targets.count == 100)
        take([Self.row(8)], 4)
        #expect(state(agent, at: 2000).lists?[TargetID(value: 8)] == nil)
        #expect(
            state(agent, at: 2000).targets.first { $0.definition.id == TargetID(value: 8) }?.definition.purpose
                == .enforce)
    }
}
