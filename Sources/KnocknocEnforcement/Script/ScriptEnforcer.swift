public import KnocknocModel
public import Logging

/// Enforces with programs of the administrator's: `PATH add|del NAME ADDRESS`, `PATH flush NAME`.
///
/// A script keeps no time: the agent ends each member. What an earlier run of the agent has left is unknown, so that each
/// list is flushed before anything is added to it.
public actor ScriptEnforcer: Enforcer {
    let options: ScriptOptions
    let opener: (any SecretOpener)?
    let logger: Logger
    let clock: @Sendable () -> BootTime
    nonisolated let broadcast = Broadcast<Disturbance>()
    nonisolated let departed = Broadcast<[Place]>(keeping: nil)

    var lanes: [ScriptLane.Key: ScriptLane] = [:]
    /// The list of each target that is in force.
    var targets: [TargetID: ScriptLane.Key] = [:]
    var members: [TargetID: [IPAddress: BootTime]] = [:]
    /// Why the others are not.
    var refusals: [TargetID: String] = [:]
    /// Targets of which nothing is left, or soon nothing will be.
    var released: [TargetID: ScriptLane.Key] = [:]
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    var lastWaiter = 0
    var expiry: (at: BootTime, task: Task<Void, Never>)?

    /// - Parameters:
    ///   - opener: opens sealed variables; without one a target that has any is refused.
    ///   - clock: CLOCK_BOOTTIME of this machine.
    public init(
        _ options: ScriptOptions, opener: (any SecretOpener)?, logger: Logger = Logger(label: "knocknoc.script"),
        clock: @escaping @Sendable () -> BootTime = BootClock.now
    ) {
        self.options = options
        self.opener = opener
        self.logger = logger
        self.clock = clock
    }

    deinit {
        expiry?.task.cancel()
        for lane in lanes.values { lane.retry?.cancel() }
        broadcast.finish()
        departed.finish()
    }

    public nonisolated func disturbances() -> AsyncStream<Disturbance> { broadcast.stream() }

    public nonisolated func departures() -> AsyncStream<[Place]> { departed.stream() }

    /// A script knows of no flows.
    public func flowsCut(by guard: NFTablesGuard) async -> FlowCensus { FlowCensus(flows: 0, sources: []) }

    public func define(_ definitions: [TargetDefinition]) async -> [TargetID: Outcome] {
        take(definitions)
        work()
        await settle { definitions.allSatisfy { !isBusy($0.id) } }
        return outcomes(definitions)
    }

    public func apply(_ changes: [MemberChange]) async -> [Outcome] {
        for change in changes { take(change) }
        scheduleExpiry()
        work()
        await settle { changes.allSatisfy { !isPending($0.target, $0.address) } }
        return changes.map { outcome($0) }
    }

    public func reconcile(_ definitions: [TargetDefinition], _ wanted: [Member]) async -> Reconciliation {
        take(definitions)
        take(wanted)
        scheduleExpiry()
        work()
        await settle { lanes.values.allSatisfy { $0.pending.isEmpty && !$0.flushIsDue } }
        var result = Reconciliation(targets: outcomes(definitions))
        for member in wanted {
            guard case .failed(let reason) = outcome(.open(member)) else { continue }
            result.failures.append(.init(member: member, reason: reason))
        }
        result.stuck = stuck
        return result
    }

    /// Until when an address is wanted on a list: the latest of its targets.
    func wanted(on key: ScriptLane.Key) -> [IPAddress: BootTime] {
        targets.lazy.filter { $0.value == key }.reduce(into: [:]) { all, target in
            all.merge(members[target.key] ?? [:]) { max($0, $1) }
        }
    }
}
