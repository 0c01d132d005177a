public import KnocknocModel

/// Enforces by a list that other devices fetch from this agent.
///
/// A list ends by itself: lines that are over are left out whenever it is written.
public struct AllowListEnforcer: Enforcer {
    private let board: AllowListBoard
    private let clock: @Sendable () -> BootTime

    /// - Parameter clock: CLOCK_BOOTTIME of this machine.
    public init(_ board: AllowListBoard, clock: @escaping @Sendable () -> BootTime = BootClock.now) {
        self.board = board
        self.clock = clock
    }

    public nonisolated(nonsending) func define(_ targets: [TargetDefinition]) async -> [TargetID: Outcome] {
        board.define(targets)
    }

    public nonisolated(nonsending) func apply(_ changes: [MemberChange]) async -> [Outcome] {
        board.apply(changes, at: clock())
    }

    public nonisolated(nonsending) func reconcile(_ targets: [TargetDefinition], _ members: [Member]) async
        -> Reconciliation
    {
        board.reconcile(targets, members, at: clock())
    }

    public func disturbances() -> AsyncStream<Disturbance> { board.broadcast.stream() }

    /// A list knows of no flows.
    public nonisolated(nonsending) func flowsCut(by guard: NFTablesGuard) async -> FlowCensus {
        FlowCensus(flows: 0, sources: [])
    }
}
