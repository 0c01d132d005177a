public import KnocknocEnforcement
public import KnocknocModel

/// Stands where this process may not change the packet filter: every target fails with the reason.
public struct UnavailableEnforcer: Enforcer {
    private let reason: String

    /// - Parameter reason: why, and what to do.
    public init(reason: String) { self.reason = reason }

    public nonisolated(nonsending) func define(_ targets: [TargetDefinition]) async -> [TargetID: KnocknocEnforcement
        .Outcome]
    {
        Dictionary(targets.map { ($0.id, .failed(reason)) }) { first, _ in first }
    }

    public nonisolated(nonsending) func apply(_ changes: [MemberChange]) async -> [KnocknocEnforcement.Outcome] {
        changes.map { _ in .failed(reason) }
    }

    public nonisolated(nonsending) func reconcile(_ targets: [TargetDefinition], _ members: [Member]) async
        -> Reconciliation
    {
        Reconciliation(
            targets: await define(targets), failures: members.map { .init(member: $0, reason: reason) })
    }

    public func disturbances() -> AsyncStream<Disturbance> { AsyncStream { _ in } }

    public nonisolated(nonsending) func flowsCut(by guard: NFTablesGuard) async -> FlowCensus {
        FlowCensus(flows: 0, sources: [])
    }
}
