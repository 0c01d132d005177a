import KnocknocEnforcement
import KnocknocModel
import NIOConcurrencyHelpers

/// A kernel in memory: remembers members, tells when something happened, and fails where it is told to.
final class RecordingEnforcer: Enforcer {
    struct Key: Hashable {
        var target: TargetID
        var address: IPAddress
    }

    enum Event: Hashable {
        case defined([TargetID])
        case applied([MemberChange])
        case reconciled([Member])
    }

    private struct State {
        var members: [Key: BootTime] = [:]
        var targets: [TargetID: TargetDefinition] = [:]
        var events: [Event] = []
        var failing: [TargetID: String] = [:]
        var slow: IPAddress?
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = NIOLockedValueBox(State())
    private let stream: AsyncStream<Disturbance>
    private let disturb: AsyncStream<Disturbance>.Continuation
    let changes = Signal()

    init() { (stream, disturb) = AsyncStream.makeStream() }

    var members: [Key: BootTime] { state.withLockedValue { $0.members } }
    var events: [Event] { state.withLockedValue { $0.events } }
    var targets: [TargetID: TargetDefinition] { state.withLockedValue { $0.targets } }

    func fail(_ target: TargetID, _ reason: String?) { state.withLockedValue { $0.failing[target] = reason } }
    /// Lets closings of an address wait as long as it is set; the kernel has refused its new flows already.
    func cutSlowly(_ address: IPAddress?) {
        let waiting = state.withLockedValue { state in
            state.slow = address
            defer { state.waiting = [] }
            return state.waiting
        }
        for one in waiting { one.resume() }
    }

    private func cut(_ changes: [MemberChange]) async {
        await withCheckedContinuation { continuation in
            let waits = state.withLockedValue { state in
                let closes = changes.contains {
                    if case .close(_, let address) = $0 { address == state.slow } else { false }
                }
                if closes { state.waiting.append(continuation) }
                return closes
            }
            if !waits { continuation.resume() }
        }
    }

    func emptyBySomebody() { state.withLockedValue { $0.members = [:] } }
    func disturbed(_ disturbance: Disturbance) { disturb.yield(disturbance) }

    func define(_ targets: [TargetDefinition]) async -> [TargetID: KnocknocEnforcement.Outcome] {
        note(.defined(targets.map(\.id))) { state in
            state.targets = Dictionary(targets.map { ($0.id, $0) }) { $1 }
        }
        return outcomes(targets)
    }

    func apply(_ changes: [MemberChange]) async -> [KnocknocEnforcement.Outcome] {
        note(.applied(changes)) { state in
            for change in changes {
                switch change {
                case .open(let member):
                    state.members[Key(target: member.target, address: member.address)] = member.deadline
                case .close(let target, let address): state.members[Key(target: target, address: address)] = nil
                case .cut: break
                }
            }
        }
        await cut(changes)
        let failing = state.withLockedValue { $0.failing }
        return changes.map { failing[$0.target].map { .failed($0) } ?? .applied }
    }

    func reconcile(_ targets: [TargetDefinition], _ members: [Member]) async -> Reconciliation {
        let wanted = Dictionary(members.map { (Key(target: $0.target, address: $0.address), $0.deadline) }) { $1 }
        var result = Reconciliation(targets: outcomes(targets))
        note(.reconciled(members)) { state in
            result.added = wanted.keys.count { state.members[$0] == nil }
            result.removed = state.members.keys.count { wanted[$0] == nil }
            state.members = wanted
        }
        return result
    }

    nonisolated(nonsending) func versions() async -> [String: String] { ["ipset": "protocol 7"] }

    func disturbances() -> AsyncStream<Disturbance> { stream }

    func flowsCut(by guard: NFTablesGuard) async -> FlowCensus {
        FlowCensus(flows: 2, sources: [.v4(0x0a00_0001)])
    }

    private func outcomes(_ targets: [TargetDefinition]) -> [TargetID: KnocknocEnforcement.Outcome] {
        let failing = state.withLockedValue { $0.failing }
        return Dictionary(
            targets.map { target in
                if case .dryRun = target.backend { return (target.id, .dryRun) }
                return (target.id, failing[target.id].map { .failed($0) } ?? .applied)
            }
        ) { $1 }
    }

    private func note(_ event: Event, _ change: (inout State) -> Void) {
        state.withLockedValue { state in
            change(&state)
            state.events.append(event)
        }
        changes.notify()
    }
}
