public import KnocknocModel
public import Logging

/// Enforces by lists of HAProxy: maps of address to the moment at which it ends, or plain access lists.
///
/// A change goes to the file first, which HAProxy reads when it starts, then to the runtime socket. Each exchange asks
/// which process answers: a new one has read the file at a moment of its own, and is compared with what is wanted.
/// What stands in the file above our mark is the administrator's; every other entry of the list is ours.
public actor HAProxyEnforcer: Enforcer {
    nonisolated let thread: KernelThread
    public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    let options: HAProxyOptions
    let logger: Logger
    nonisolated let broadcast = Broadcast<Disturbance>()
    nonisolated let departed = Broadcast<[Place]>(keeping: nil)

    /// The lists of targets that are enforced.
    var targets: [TargetID: ProxyList] = [:]
    /// How many leading bits of an IPv6 address stand for one client, where that is not all.
    var prefixes: [TargetID: Int] = [:]
    var members: [TargetID: [IPAddress: BootTime]] = [:]
    /// Why targets are not dealt with at all, released ones too.
    private var refusals: [TargetID: String] = [:]
    /// What of them was wanted before it was first asked for: an earlier run may have let it in.
    private var inherited: Set<Place> = []
    /// What of them was never let in, so that there is nothing to take away.
    private var turnedAway: Set<Place> = []
    /// Who is no member any more and is not known to be out of the list, with the network that stands there.
    var leaving: [ProxyList: [Place: CIDR]] = [:]
    /// Lists that are to be as `members` say, with what is known of them.
    var lists: [ProxyList: State] = [:]
    var expiry: (at: BootTime, task: Task<Void, Never>)?
    var watch: Task<Void, Never>?
    /// CLOCK_REALTIME less CLOCK_BOOTTIME when entries were last written, in milliseconds.
    var offset: Int64

    struct State {
        /// Which process answered last; nil where the list is to be compared as a whole.
        var process: String?
        /// What it holds of ours: the second since 1970 at which each ends, 0 in a list without moments.
        var entries: [CIDR: Int64] = [:]
        /// The administrator's own keys, as the file had them when it could last be read.
        var foreign: Set<String> = []
        /// Why the list is not as it should be.
        var failure: EnforcementError?
    }

    /// A moment of expiry may be so many seconds earlier than it should be before it is set anew.
    static let tolerance: Int64 = 1

    /// - Throws: ``EnforcementError`` where its thread is not to be had.
    public init(
        _ options: HAProxyOptions, logger: Logger = Logger(label: "knocknoc.haproxy")
    ) throws(EnforcementError) {
        self.options = options
        self.logger = logger
        offset = options.wall() - options.clock().milliseconds
        thread = try KernelThread("haproxy", networkNamespace: nil)
    }

    deinit {
        expiry?.task.cancel()
        watch?.cancel()
        broadcast.finish()
        departed.finish()
        thread.stop()
    }

    public nonisolated func disturbances() -> AsyncStream<Disturbance> { broadcast.stream() }

    public nonisolated func departures() -> AsyncStream<[Place]> { departed.stream() }

    public func flowsCut(by guard: NFTablesGuard) async -> FlowCensus { FlowCensus(flows: 0, sources: []) }

    // MARK: What is wanted

    public func define(_ definitions: [TargetDefinition]) async -> [TargetID: Outcome] {
        let refused = take(definitions)
        for list in Array(lists.keys) where lists[list]?.process == nil { synchronise(list) }
        startWatching()
        scheduleExpiry()
        return refused.merging(outcomes(definitions)) { refused, _ in refused }
    }

    /// Takes over which lists there are; those that nobody names any more are to be empty.
    ///
    /// - Returns: the targets that are refused.
    private func take(_ definitions: [TargetDefinition]) -> [TargetID: Outcome] {
        var refused: [TargetID: Outcome] = [:]
        var kept: [TargetID: ProxyList] = [:]
        var lengths: [TargetID: Int] = [:]
        refusals = [:]
        for definition in definitions {
            guard case .haproxy(let backend)? = try? definition.backend.validated() else {
                refusals[definition.id] = "not a target of HAProxy that can be"
                continue
            }
            let list = ProxyList(backend)
            if let reason = options.refusal(backend) {
                refusals[definition.id] = reason
                if definition.purpose != .enforce { refused[definition.id] = .failed(Self.mayBeOpen(reason)) }
                continue
            }
            if lists[list] == nil { lists[list] = State() }
            if definition.purpose == .enforce {
                kept[definition.id] = list
                lengths[definition.id] = backend.ipv6Prefix
            }
        }
        for (id, list) in targets where kept[id] != list {
            for address in (members[id] ?? [:]).keys { leave(id, address, list) }
            members[id] = nil
            lists[list]?.process = nil
        }
        targets = kept
        prefixes = lengths
        turnedAway = turnedAway.filter { refusals[$0.target] != nil }
        inherited = inherited.filter { refusals[$0.target] != nil }
        return refused.merging(refusals.mapValues { .failed($0) }) { released, _ in released }
    }

    private static func mayBeOpen(_ reason: String) -> String {
        "\(reason); what an earlier run let in may still be open"
    }

    /// A step on a target that is not in force.
    private func refused(_ change: MemberChange) -> Outcome {
        guard let reason = refusals[change.target] else {
            return .failed("target \(change.target) is not defined on this agent")
        }
        let place = Place(target: change.target, address: change.address)
        switch change {
        case .open:
            if !inherited.contains(place) { turnedAway.insert(place) }
            return .failed(reason)
        case .close: return turnedAway.remove(place) != nil ? .applied : .failed(Self.mayBeOpen(reason))
        case .cut: return turnedAway.contains(place) ? .applied : .failed(Self.mayBeOpen(reason))
        }
    }

    func network(_ address: IPAddress, on target: TargetID) -> CIDR {
        CIDR(address, ipv6Prefix: prefixes[target])
    }

    private func outcomes(_ definitions: [TargetDefinition]) -> [TargetID: Outcome] {
        Dictionary(
            definitions.map { definition in
                guard case .haproxy(let backend) = definition.backend else { return (definition.id, .applied) }
                let failure = lists[ProxyList(backend)]?.failure
                return (definition.id, failure.map { .failed($0.message) } ?? .applied)
            }
        ) { first, _ in first }
    }

    public func apply(_ changes: [MemberChange]) async -> [Outcome] {
        var touched: [ProxyList: [CIDR]] = [:]
        var outcomes = changes.map { change -> Outcome in
            guard let list = targets[change.target] else { return refused(change) }
            switch change {
            case .open(let member): members[change.target, default: [:]][member.address] = member.deadline
            case .close(_, let address):
                members[change.target]?[address] = nil
                leave(change.target, address, list)
            case .cut: return .applied
            }
            touched[list, default: []].append(network(change.address, on: change.target))
            return .applied
        }
        for (list, networks) in touched { update(list, networks) }
        for (index, change) in changes.enumerated() where outcomes[index] == .applied {
            guard let list = targets[change.target], touched[list] != nil else { continue }
            if let failure = lists[list]?.failure { outcomes[index] = .failed(failure.message) }
        }
        scheduleExpiry()
        return outcomes
    }

    public func reconcile(_ definitions: [TargetDefinition], _ wanted: [Member]) async -> Reconciliation {
        let refused = take(definitions)
        for (id, list) in targets { for address in (members[id] ?? [:]).keys { leave(id, address, list) } }
        members = Dictionary(targets.keys.map { ($0, [:]) }) { first, _ in first }
        for member in wanted {
            if targets[member.target] != nil {
                members[member.target]?[member.address] = member.deadline
            } else if refusals[member.target] != nil, !turnedAway.contains(Place(member)) {
                inherited.insert(Place(member))
            }
        }
        var result = Reconciliation()
        for list in Array(lists.keys) {
            let repaired = synchronise(list)
            result.added += repaired.added
            result.removed += repaired.removed
        }
        result.targets = refused.merging(outcomes(definitions)) { refused, _ in refused }
        result.failures = wanted.compactMap { member in
            guard case .failed(let reason)? = result.targets[member.target] else { return nil }
            return .init(member: member, reason: reason)
        }
        result.stuck = stuck
        startWatching()
        scheduleExpiry()
        return result
    }
}
