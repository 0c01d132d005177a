public import KnocknocModel

/// Says what would be done and changes nothing.
public struct DryRunEnforcer: Enforcer {
    public init() {}

    public nonisolated(nonsending) func define(_ targets: [TargetDefinition]) async -> [TargetID: Outcome] {
        Dictionary(targets.map { ($0.id, .dryRun) }) { first, _ in first }
    }

    public nonisolated(nonsending) func apply(_ changes: [MemberChange]) async -> [Outcome] {
        changes.map { _ in .dryRun }
    }

    public nonisolated(nonsending) func reconcile(_ targets: [TargetDefinition], _ members: [Member]) async
        -> Reconciliation
    {
        Reconciliation(targets: await define(targets))
    }

    /// Nothing is in the kernel that could be disturbed: the stream is empty and stays open.
    public func disturbances() -> AsyncStream<Disturbance> { AsyncStream { _ in } }

    public nonisolated(nonsending) func flowsCut(by guard: NFTablesGuard) async -> FlowCensus {
        FlowCensus(flows: 0, sources: [])
    }
}
