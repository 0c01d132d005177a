public import KnocknocModel
public import Logging
import NIOConcurrencyHelpers

/// Enforces with nftables, in this process.
///
/// - A *guard* closes ports in our own table `inet knocknoc` to all but members, packet by packet.
/// - An *ipset* puts members into existing sets of ipset(8), as a *set* does for nftables.
/// - A *set* puts members into existing sets of the administrator's own ruleset. When access ends, established flows
///   are cut where the target names `protocol` and `ports`; where it does not, they live on unless that ruleset drops
///   non-members before it accepts established flows.
///
/// Every member has a kernel timeout, so access ends on time with this process dead. Stopping leaves the table.
public actor NFTablesEnforcer: Enforcer {
    static let takenAway =
        "this guard was taken away on this host; knocknoc-agent unguard --undo there lets it apply again"

    nonisolated let thread: KernelThread
    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    let options: NFTablesOptions
    let clock: @Sendable () -> BootTime
    let logger: Logger
    nonisolated let broadcast = Broadcast<Disturbance>()

    private var openKernel: Kernel?
    var watcher: KernelWatcher?
    private var lock: NamespaceLock?
    var adopted = false
    var membership = Membership()
    /// Why targets are not in force.
    var refusals: [TargetID: EnforcementError] = [:]
    /// All guards whose drop is in force, whoever may still want them.
    var guards: [GuardName: GuardRules] = [:]
    var marks: Set<GuardName> = []
    /// When `unguard` was last noticed.
    var unguarded: BootTime?
    /// Guards on trial are not written to the file: a restart of the host ends the trial.
    var onTrial: Set<GuardName> = []
    var writtenSkeleton: String?
    /// Flows that were cut, whose packets are dropped for a while.
    var cutFlows: [FlowKey: CutFlow] = [:]
    /// Our table's chains as the kernel listed them after they were last put back; nil where that is not known.
    var intact: TableListing?
    /// When events were last lost.
    var lastLoss: BootTime?
    var lossCheck: Task<Void, Never>?
    /// Events that nobody has looked at yet: one foreign transaction comes in many datagrams.
    nonisolated let pending = NIOLockedValueBox(KernelEvents())
    /// Closings that could not be done yet.
    var unfinished: [ClosingKey: Closing] = [:]
    var attempts = 0
    var retry: Task<Void, Never>?
    /// Seconds until the next try.
    var retryPause: Int64 = 1
    /// Why the file does not say what is in force.
    var skeletonFailure: EnforcementError?
    var expiry: (at: BootTime, task: Task<Void, Never>)?

    /// - Parameter clock: CLOCK_BOOTTIME of this machine.
    /// - Throws: ``EnforcementError`` where the thread or its network namespace is not to be had.
    public init(
        _ options: NFTablesOptions = NFTablesOptions(), logger: Logger = Logger(label: "knocknoc.nftables"),
        clock: @escaping @Sendable () -> BootTime = BootClock.now
    ) throws(EnforcementError) {
        self.options = options
        self.logger = logger
        self.clock = clock
        thread = try KernelThread("nftables", networkNamespace: options.networkNamespacePath)
    }

    deinit {
        expiry?.task.cancel()
        retry?.cancel()
        lossCheck?.cancel()
        broadcast.finish()
        thread.stop()
    }

    public nonisolated func disturbances() -> AsyncStream<Disturbance> { broadcast.stream() }

    /// What talks to the kernel, with our table adopted and somebody listening for changes to it.
    func kernel() throws(EnforcementError) -> Kernel {
        let kernel: Kernel
        if let openKernel {
            kernel = openKernel
        } else {
            kernel = try Kernel(networkNamespace: options.networkNamespacePath, clock: clock)
            openKernel = kernel
        }
        if !adopted, lock == nil {
            lock = try NamespaceLock.take()
            if lock == nil {
                logger.warning("another user's process holds the name of this network namespace's lock; going on")
            }
        }
        if watcher == nil { watcher = try watch() }
        if !adopted {
            try adopt(kernel)
            adopted = true
        }
        return kernel
    }

    private func watch() throws(EnforcementError) -> KernelWatcher {
        try KernelWatcher(networkNamespace: options.networkNamespacePath) { [weak self, pending] events in
            let idle = pending.withLockedValue { value in
                defer { value.merge(events) }
                return value.isEmpty
            }
            if idle { Task { await self?.disturbed() } }
        } ended: { [weak self] in
            Task { await self?.watcherEnded() }
        }
    }

    /// Our table as it should be.
    var table: OwnTable {
        OwnTable(
            guards: guards.values.sorted { $0.name < $1.name }, marks: marks.sorted(),
            alwaysAllow: options.alwaysAllow, bootFile: BootFile(options.skeletonPath))
    }

    /// Takes over what is in the kernel; where our table is missing, the file says which ports must be closed.
    private func adopt(_ kernel: Kernel) throws(EnforcementError) {
        var listing = try kernel.listing()
        membership.isInherited = listing != nil
        if listing == nil, let path = options.skeletonPath {
            do throws(EnforcementError) {
                if let skeleton = try SkeletonFile(path).read() {
                    try kernel.library.run(skeleton)
                    listing = try kernel.listing()
                }
            } catch {
                logger.error("guards from the file could not be loaded", metadata: ["reason": "\(error.message)"])
            }
        }
        var freed: [GuardName] = []
        for found in listing?.guards ?? [] {
            if let port = found.closes?.ports.first(where: options.neverGuard.contains) {
                logger.warning(
                    "a guard is taken away: its port is in NeverGuard now", metadata: ["port": "\(port)"])
                freed.append(found.name)
            } else {
                guards[found.name] = found
            }
        }
        marks.formUnion(listing?.marks ?? [])
        // One that carries a mark was taken away by the administrator.
        freed += guards.keys.filter(marks.contains)
        for name in freed { guards[name] = nil }
        try kernel.library.run(table.commands + OwnTable.removing(freed))
        adoptCutFlows(kernel)
    }

    public func versions() async -> [String: String] {
        (try? kernel())?.ipsetVersion().map { ["ipset": $0] } ?? [:]
    }

    public func limitations() async -> [String: String] {
        guard let cutter = (try? kernel())?.cutter, let limitation = await cutter.limitation() else { return [:] }
        return ["sockets": limitation]
    }

    private func adoptCutFlows(_ kernel: Kernel) {
        let now = clock()
        for family in IPAddress.Family.allCases {
            let set = TableSet.cut(family)
            do throws(EnforcementError) {
                try kernel.reader.read(set) { found in
                    guard let key = FlowKey(bytes: found.key, family) else { return }
                    cutFlows[key] = CutFlow(until: now.adding(milliseconds: found.expiration ?? 0))
                }
            } catch {
                logger.warning("cut flows could not be read", metadata: ["reason": "\(error.message)"])
            }
        }
    }
}
