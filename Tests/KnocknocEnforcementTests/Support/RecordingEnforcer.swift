import KnocknocEnforcement
import KnocknocModel
import Synchronization

/// Notes what it is asked, and answers as it is told.
final class RecordingEnforcer: Enforcer {
    private struct State {
        var answer = KnocknocEnforcement.Outcome.applied
        var defined: [TargetID] = []
        var purposes: [TargetID: TargetDefinition.Purpose] = [:]
        var changes: [MemberChange] = []
        var wanted: [Member] = []
    }

    private let state = Mutex(State())

    var answer: KnocknocEnforcement.Outcome {
        get { state.withLock { $0.answer } }
        set { state.withLock { $0.answer = newValue } }
    }
    var defined: [TargetID] { state.withLock { $0.defined } }
    /// What the last definition or reconciliation wants of each target.
    var purposes: [TargetID: TargetDefinition.Purpose] { state.withLock { $0.purposes } }
    var changes: [MemberChange] { state.withLock { $0.changes } }
    /// Whose members the last reconciliation was about.
    var members: [TargetID] { wanted.map(\.target) }
    var wanted: [Member] { state.withLock { $0.wanted } }

    nonisolated(nonsending) func define(_ targets: [TargetDefinition]) async -> [TargetID: KnocknocEnforcement.Outcome]
    {
        state.withLock { state in
            state.defined = targets.map(\.id)
            state.purposes = Dictionary(targets.map { ($0.id, $0.purpose) }) { first, _ in first }
            return Dictionary(targets.map { ($0.id, state.answer) }) { first, _ in first }
        }
    }

    nonisolated(nonsending) func apply(_ changes: [MemberChange]) async -> [KnocknocEnforcement.Outcome] {
        state.withLock { state in
            state.changes += changes
            return changes.map { _ in state.answer }
        }
    }

    nonisolated(nonsending) func reconcile(_ targets: [TargetDefinition], _ members: [Member]) async -> Reconciliation {
        let outcomes = await define(targets)
        return state.withLock { state in
            state.wanted = members
            guard case .failed(let reason) = state.answer else { return Reconciliation(targets: outcomes) }
            return Reconciliation(
                targets: outcomes, failures: members.map { .init(member: $0, reason: reason) })
        }
    }

    func disturbances() -> AsyncStream<Disturbance> { AsyncStream { _ in } }

    nonisolated(nonsending) func flowsCut(by guard: NFTablesGuard) async -> FlowCensus {
        FlowCensus(flows: 0, sources: [])
    }
}
