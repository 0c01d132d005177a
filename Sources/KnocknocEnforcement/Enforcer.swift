public import KnocknocModel

/// One address that is open on a target until a deadline.
public struct Member: Hashable, Sendable {
    public var target: TargetID
    public var address: IPAddress
    /// By this machine's CLOCK_BOOTTIME, this boot.
    public var deadline: BootTime

    public init(target: TargetID, address: IPAddress, deadline: BootTime) {
        self.target = target
        self.address = address
        self.deadline = deadline
    }
}

/// A step towards what is wanted, on one (target, address).
public enum MemberChange: Hashable, Sendable {
    /// Open until the deadline, whether it was open before or not. One that is less than 1 s away is a removal.
    case open(Member)
    /// Not a member any more; new flows are refused and established ones cut, unless another target of this agent lets
    /// the same source, protocol and port through by the same set or list.
    case close(target: TargetID, address: IPAddress)
    /// Established flows are cut, whoever else lets them through (others reconnect); a member stays one.
    case cut(target: TargetID, address: IPAddress)
}

/// What became of a step or a target.
public enum Outcome: Hashable, Sendable {
    case applied
    /// Everything was done except in the kernel, by the administrator's choice.
    case dryRun
    /// The reason in the kernel's or our own words.
    case failed(String)
}

/// What guards the door: one implementation for each way of enforcing. A call runs where its caller does until it
/// reaches the kernel's thread.
public protocol Enforcer: Sendable {
    /// Makes targets true (guards' chains and empty sets, checks of existing sets) and forgets others' members;
    /// a guard that is gone from the list stays closed. Idempotent; never opens a moment.
    ///
    /// - Returns: the outcome for each target given.
    nonisolated(nonsending) func define(_ targets: [TargetDefinition]) async -> [TargetID: Outcome]

    /// Applies steps in order, as few kernel transactions as possible; one that fails does not stop the others.
    ///
    /// - Returns: an outcome for each step, in order.
    nonisolated(nonsending) func apply(_ changes: [MemberChange]) async -> [Outcome]

    /// Makes the kernel equal to `members` on the given targets: adopts elements of ours, adds what is missing,
    /// removes what is too much, in one transaction for each backend, never flushing first.
    ///
    /// - Returns: what had to be repaired, and outcomes of targets and members that could not be made true.
    nonisolated(nonsending) func reconcile(_ targets: [TargetDefinition], _ members: [Member]) async -> Reconciliation

    /// Somebody else changed what we enforce (a table or set of ours vanished); the caller answers by reconciling.
    /// Guards are restored by the enforcer itself before this is sent.
    func disturbances() -> AsyncStream<Disturbance>

    /// Who has just gone from what this process ends by itself, whenever that was asked for. Flows that began until
    /// then are to be cut.
    func departures() -> AsyncStream<[Place]>

    /// Cuts flows of those who are gone and have not been let in again; tried again until it is done.
    ///
    /// - Parameter targets: as they were last defined; one may have been forgotten here.
    nonisolated(nonsending) func cutFlows(of gone: [Place], on targets: [TargetID: TargetDefinition]) async

    /// Counts established flows that a guard would cut and names their sources, this host's SSH first.
    nonisolated(nonsending) func flowsCut(by guard: NFTablesGuard) async -> FlowCensus

    /// What this host's kernel cannot do, by a name and in words for the administrator; empty where it can do it all.
    nonisolated(nonsending) func limitations() async -> [String: String]

    /// The versions of what it enforces with, by the backend's name, where the agent's own does not say it all.
    nonisolated(nonsending) func versions() async -> [String: String]
}

extension Enforcer {
    public func departures() -> AsyncStream<[Place]> { AsyncStream { $0.finish() } }

    public nonisolated(nonsending) func cutFlows(of gone: [Place], on targets: [TargetID: TargetDefinition]) async {}

    public nonisolated(nonsending) func limitations() async -> [String: String] { [:] }

    public nonisolated(nonsending) func versions() async -> [String: String] { [:] }
}

public struct Reconciliation: Hashable, Sendable {
    public var targets: [TargetID: Outcome]
    /// Members that could not be made true.
    public var failures: [Failure]
    /// Removals and cuts that could not be done: what they were about is not closed. Empty where everything that was
    /// to close is closed.
    public var stuck: [Stuck]
    /// How many elements were missing and put back, and how many of ours were too many and removed.
    public var added: Int
    public var removed: Int

    public struct Failure: Hashable, Sendable {
        public var member: Member
        public var reason: String

        public init(member: Member, reason: String) {
            self.member = member
            self.reason = reason
        }
    }

    public struct Stuck: Hashable, Sendable {
        public var target: TargetID
        public var address: IPAddress
        public var reason: String

        public init(target: TargetID, address: IPAddress, reason: String) {
            self.target = target
            self.address = address
            self.reason = reason
        }
    }

    public init(
        targets: [TargetID: Outcome] = [:], failures: [Failure] = [], stuck: [Stuck] = [], added: Int = 0,
        removed: Int = 0
    ) {
        self.targets = targets
        self.failures = failures
        self.stuck = stuck
        self.added = added
        self.removed = removed
    }
}

extension Reconciliation {
    /// Takes in what another enforcer says of targets of its own, or of the same ones: then both must have succeeded.
    mutating func merge(_ other: Reconciliation) {
        targets.merge(other.targets) { own, theirs in own == .applied ? theirs : own }
        failures += other.failures
        stuck += other.stuck
        added += other.added
        removed += other.removed
    }
}

public enum Disturbance: Hashable, Sendable {
    /// Our own table was flushed or deleted and has been restored.
    case guardRestored
    /// An element or set that we use may have changed.
    case changed
}

public struct FlowCensus: Hashable, Sendable, Codable {
    public var flows: Int
    /// At most ten sources with the most flows, those of port 22 first.
    public var sources: [IPAddress]

    public init(flows: Int, sources: [IPAddress]) {
        self.flows = flows
        self.sources = sources
    }
}
