public import KnocknocModel
import NIOConcurrencyHelpers

/// The lists that this agent serves, between the enforcer that fills them and the listener that hands them out: what
/// the one has confirmed is what the other says from then on.
public final class AllowListBoard: Sendable {
    /// Who is on a list.
    public struct Content: Sendable {
        public var members: [(network: CIDR, until: BootTime)]
        /// Another one has other members.
        public var generation: Int
    }

    public enum Look: Sendable {
        /// Nobody knows yet who is on which list: nothing has been reconciled.
        case notYet
        case noList
        case list(AllowListService, generation: Int)
    }

    fileprivate struct State {
        /// Why nobody can fetch anything; nil while somebody can.
        var failure: String? = "AllowListListen: nothing listens there yet"
        /// Nothing is said before it is known who is on the lists.
        var isKnown = false
        var targets: [TargetID: AllowListService] = [:]
        /// See ``Backend/ipv6Prefix``.
        var prefixes: [TargetID: Int] = [:]
        var members: [TargetID: [IPAddress: BootTime]] = [:]
        /// Lists that were taken away are served empty: devices that cannot fetch a list keep what they had.
        var ended: [AllowListID: AllowListService] = [:]
        var generation = 0
    }

    private let state = NIOLockedValueBox(State())
    let broadcast = Broadcast<Disturbance>()

    public init() {}

    /// Somebody can fetch lists from now on, or cannot.
    ///
    /// - Parameter failure: why not.
    public func listens(failure: String?) {
        let changed = state.withLockedValue { state in
            defer { state.failure = failure }
            return state.failure != failure
        }
        if changed { broadcast.send(.changed) }
    }

    /// Who may fetch a list; cheap, since nobody knows yet who asks.
    public func look(at list: AllowListID) -> Look {
        state.withLockedValue { state in
            guard state.isKnown else { return .notYet }
            guard let service = state.targets.values.first(where: { $0.id == list }) ?? state.ended[list] else {
                return .noList
            }
            return .list(service, generation: state.generation)
        }
    }

    /// Who is on a list; what enforces waits while it is copied.
    public func content(of list: AllowListID) -> Content {
        state.withLockedValue { state in
            let members = state.targets.filter { $0.value.id == list }.keys.flatMap { id in
                (state.members[id] ?? [:]).map {
                    (network: CIDR($0.key, ipv6Prefix: state.prefixes[id]), until: $0.value)
                }
            }
            return Content(members: members, generation: state.generation)
        }
    }

    /// Whether any list of this agent knows a key with this hash.
    public func knows(hash: [UInt8]) -> Bool {
        let services = state.withLockedValue { Array($0.targets.values) + Array($0.ended.values) }
        return services.reduce(false) { known, service in
            service.keys.reduce(known) { $1.hash.isSame(as: hash) || $0 }
        }
    }

    func define(_ targets: [TargetDefinition]) -> [TargetID: Outcome] {
        state.withLockedValue { state in
            let before = state.targets
            state.prefixes = [:]
            state.targets = targets.reduce(into: [:]) { all, target in
                guard target.purpose == .enforce, case .allowList(let list) = target.backend,
                    let service = list.service
                else { return }
                all[target.id] = service
                state.prefixes[target.id] = target.backend.ipv6Prefix
                state.ended[service.id] = nil
            }
            let ids = Set(state.targets.values.map(\.id))
            let released = targets.compactMap { target -> AllowListService? in
                if target.purpose != .enforce, case .allowList(let list) = target.backend { list.service } else { nil }
            }
            // Those of an earlier run are among the released ones.
            for service in Array(before.values) + released where !ids.contains(service.id) {
                state.ended[service.id] = service
            }
            state.members = state.members.filter { state.targets[$0.key] != nil }
            state.generation += 1
            return state.outcomes(targets)
        }
    }

    func apply(_ changes: [MemberChange], at now: BootTime) -> [Outcome] {
        state.withLockedValue { state in
            state.generation += 1
            return changes.map { change in
                switch change {
                case .open(let member):
                    guard state.targets[member.target] != nil else { return .failed(State.unknown) }
                    let left = member.deadline.milliseconds(since: now)
                    state.members[member.target, default: [:]][member.address] = left < 1000 ? nil : member.deadline
                    return state.failure.map { .failed($0) } ?? .applied
                case .close(let target, let address):
                    // A device that cannot fetch the list cannot hear of it.
                    state.members[target]?[address] = nil
                    return state.failure.map { .failed($0) } ?? .applied
                // Whoever fetches the list has the flows.
                case .cut: return .applied
                }
            }
        }
    }

    func reconcile(_ targets: [TargetDefinition], _ members: [Member], at now: BootTime) -> Reconciliation {
        let outcomes = define(targets)
        return state.withLockedValue { state in
            state.members = members.reduce(into: [:]) { all, member in
                guard state.targets[member.target] != nil, member.deadline.milliseconds(since: now) >= 1000 else {
                    return
                }
                all[member.target, default: [:]][member.address] = member.deadline
            }
            state.isKnown = true
            state.generation += 1
            let failures = members.compactMap { member -> Reconciliation.Failure? in
                let reason = state.targets[member.target] == nil ? State.unknown : state.failure
                return reason.map { .init(member: member, reason: $0) }
            }
            return Reconciliation(targets: outcomes, failures: failures)
        }
    }
}

extension AllowListBoard.State {
    static let unknown = "this server does not say where the list is; update it"

    func outcomes(_ definitions: [TargetDefinition]) -> [TargetID: Outcome] {
        Dictionary(
            definitions.map { target in
                guard target.purpose == .enforce else { return (target.id, .applied) }
                guard targets[target.id] != nil else { return (target.id, .failed(Self.unknown)) }
                return (target.id, failure.map { .failed($0) } ?? .applied)
            }
        ) { first, _ in first }
    }
}
