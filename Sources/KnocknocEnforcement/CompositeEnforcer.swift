public import KnocknocModel
import NIOConcurrencyHelpers

/// Sends each target to the enforcer of its backend.
///
/// The packet filter's enforcer also keeps the books on flows: it is told of every target that names what it lets
/// through, whoever opens it, so that a flow is cut when the last of those that share a list has closed, and not before.
/// It hears of nobody whom the other enforcer has not let in.
public final class CompositeEnforcer: Enforcer {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case nftables, ipset, haproxy, script
        case allowList = "allow_list"
        case dryRun = "dry-run"
    }

    private let filter: any Enforcer
    private let others: [Kind: any Enforcer]
    /// Where each known target went; steps name targets only.
    private let routes = NIOLockedValueBox<[TargetID: Route]>([:])
    /// Targets of others whose flows the packet filter's enforcer cuts.
    private let flowing: NIOLockedValueBox<[TargetID: TargetDefinition]>
    /// Until when others' members are let in, as the packet filter's enforcer was told.
    private let letIn = NIOLockedValueBox<[Place: BootTime]>([:])
    private let watches: [Task<Void, Never>]

    private enum Route: Hashable {
        case filter
        /// - cuts: whether the packet filter's enforcer cuts its flows.
        case other(Kind, cuts: Bool)
        case refused(String)

        var concernsFilter: Bool {
            switch self {
            case .filter, .other(_, cuts: true): true
            case .other(_, cuts: false), .refused: false
            }
        }

        var kind: Kind? {
            if case .other(let kind, _) = self { kind } else { nil }
        }

        var refusal: Outcome? {
            if case .refused(let reason) = self { .failed(reason) } else { nil }
        }
    }

    /// - Parameters:
    ///   - nftables: nil where the packet filter cannot be changed: its targets are then dry runs.
    ///   - others: what enforces the backends that are not of the packet filter; targets of one that is missing are
    ///     refused.
    public init(nftables: (any Enforcer)?, others: [Kind: any Enforcer] = [:]) {
        let filter = nftables ?? DryRunEnforcer()
        let flowing = NIOLockedValueBox<[TargetID: TargetDefinition]>([:])
        // Between the first cut, made when access ended, and the last removal somebody may have come in again.
        watches = others.values.map { other in
            let departures = other.departures()
            return Task {
                for await gone in departures {
                    let targets = flowing.withLockedValue { $0 }
                    let cut = gone.filter { targets[$0.target] != nil }
                    if !cut.isEmpty { await filter.cutFlows(of: cut, on: targets) }
                }
            }
        }
        self.filter = filter
        self.flowing = flowing
        self.others = others.merging([.dryRun: DryRunEnforcer()]) { given, _ in given }
    }

    deinit { for watch in watches { watch.cancel() } }

    public nonisolated(nonsending) func define(_ targets: [TargetDefinition]) async -> [TargetID: Outcome] {
        let routes = route(targets)
        var outcomes = routes.compactMapValues(\.refusal)
        for (kind, enforcer) in others {
            outcomes.merge(await enforcer.define(targets.filter { routes[$0.id]?.kind == kind })) { $1 }
        }
        let flows = await filter.define(targets.filter { routes[$0.id]?.concernsFilter ?? false })
        outcomes.merge(flows) { own, flows in own == .applied ? flows : own }
        return outcomes
    }

    public nonisolated(nonsending) func apply(_ changes: [MemberChange]) async -> [Outcome] {
        let routes = routes.withLockedValue { $0 }
        var outcomes = changes.map { change -> Outcome in
            routes[change.target]?.refusal
                ?? (routes[change.target] == nil
                    ? .failed("target \(change.target) is not defined on this agent") : .applied)
        }
        var parts: [Kind: [Int]] = [:]
        for (index, change) in changes.enumerated() {
            if let kind = routes[change.target]?.kind { parts[kind, default: []].append(index) }
        }
        for (index, outcome) in await applied(parts, changes) { outcomes[index] = outcome }
        let flows = changes.indices.compactMap { index -> (index: Int, change: MemberChange)? in
            guard let route = routes[changes[index].target], route.concernsFilter else { return nil }
            let change = route.kind == nil ? changes[index] : heard(changes[index], outcomes[index])
            return change.map { (index, $0) }
        }
        guard !flows.isEmpty else { return outcomes }
        for ((index, _), outcome) in zip(flows, await filter.apply(flows.map { $0.change }))
        where outcomes[index] == .applied {
            outcomes[index] = outcome
        }
        return outcomes
    }

    /// What the packet filter's enforcer is to hear of a step of another one.
    ///
    /// - Returns: nil where nobody was let in: who is not in must keep no flow alive.
    private func heard(_ change: MemberChange, _ outcome: Outcome) -> MemberChange? {
        let place = Place(target: change.target, address: change.address)
        return letIn.withLockedValue { letIn in
            switch change {
            case .cut: return change
            case .close:
                letIn[place] = nil
                return change
            case .open(let member):
                let hasFailed = if case .failed = outcome { true } else { false }
                letIn[place] = Self.end(of: member, hasFailed, letIn[place])
                return letIn[place].map { .open(Member(target: place.target, address: place.address, deadline: $0)) }
            }
        }
    }

    /// Until when a member is let in; one that could not be now, for no longer than it was.
    private static func end(of member: Member, _ hasFailed: Bool, _ before: BootTime?) -> BootTime? {
        hasFailed ? before.map { min($0, member.deadline) } : member.deadline
    }

    /// What the other enforcers made of their parts, side by side.
    private nonisolated(nonsending) func applied(
        _ parts: [Kind: [Int]], _ changes: [MemberChange]
    ) async -> [Int: Outcome] {
        // The usual case goes to the kernel without a task in between.
        guard !parts.isEmpty else { return [:] }
        return await withTaskGroup(of: [(Int, Outcome)].self) { group in
            for (kind, indices) in parts {
                guard let enforcer = others[kind] else { continue }
                group.addTask {
                    Array(zip(indices, await enforcer.apply(indices.map { changes[$0] })))
                }
            }
            return await group.reduce(into: [:]) { all, part in for (index, outcome) in part { all[index] = outcome } }
        }
    }

    public nonisolated(nonsending) func reconcile(_ targets: [TargetDefinition], _ members: [Member]) async
        -> Reconciliation
    {
        let routes = route(targets)
        var result = Reconciliation()
        for (kind, enforcer) in others {
            result.merge(
                await enforcer.reconcile(
                    targets.filter { routes[$0.id]?.kind == kind }, members.filter { routes[$0.target]?.kind == kind }))
        }
        // Last: a flow that is cut before its entry is out comes back.
        result.merge(
            await filter.reconcile(
                targets.filter { routes[$0.id]?.concernsFilter ?? false },
                heard(members.filter { routes[$0.target]?.concernsFilter ?? false }, routes, result.failures)))
        for case (let id, .refused(let reason)) in routes {
            result.targets[id] = .failed(reason)
            result.failures += members.filter { $0.target == id }.map { .init(member: $0, reason: reason) }
        }
        return result
    }

    /// What the packet filter's enforcer is to hear of members, once others have done what they could.
    private func heard(
        _ members: [Member], _ routes: [TargetID: Route], _ failures: [Reconciliation.Failure]
    ) -> [Member] {
        let failed = Set(failures.map { Place($0.member) })
        return letIn.withLockedValue { letIn in
            var now: [Place: BootTime] = [:]
            let heard = members.compactMap { member -> Member? in
                guard routes[member.target]?.kind != nil else { return member }
                let place = Place(member)
                now[place] = Self.end(of: member, failed.contains(place), letIn[place])
                return now[place].map { Member(target: place.target, address: place.address, deadline: $0) }
            }
            letIn = now
            return heard
        }
    }

    public func disturbances() -> AsyncStream<Disturbance> {
        let sources = [filter] + others.values
        return AsyncStream { continuation in
            let tasks = sources.map { source in
                let stream = source.disturbances()
                return Task { for await disturbance in stream { continuation.yield(disturbance) } }
            }
            continuation.onTermination = { _ in for task in tasks { task.cancel() } }
        }
    }

    public nonisolated(nonsending) func flowsCut(by guard: NFTablesGuard) async -> FlowCensus {
        await filter.flowsCut(by: `guard`)
    }

    public nonisolated(nonsending) func limitations() async -> [String: String] {
        var all = await filter.limitations()
        for enforcer in others.values { all.merge(await enforcer.limitations()) { first, _ in first } }
        return all
    }

    public nonisolated(nonsending) func versions() async -> [String: String] {
        var all = await filter.versions()
        for enforcer in others.values { all.merge(await enforcer.versions()) { first, _ in first } }
        return all
    }

    private func route(_ targets: [TargetDefinition]) -> [TargetID: Route] {
        let result = Dictionary(targets.map { ($0.id, route($0)) }) { first, _ in first }
        routes.withLockedValue { $0 = result }
        let kept = Set(targets.filter { $0.purpose == .enforce && result[$0.id]?.kind != nil }.map(\.id))
        letIn.withLockedValue { letIn in letIn = letIn.filter { kept.contains($0.key.target) } }
        let cut = targets.filter { if case .other(_, cuts: true)? = result[$0.id] { true } else { false } }
        flowing.withLockedValue { $0 = Dictionary(cut.map { ($0.id, $0) }) { first, _ in first } }
        return result
    }

    private func route(_ target: TargetDefinition) -> Route {
        if case .unknown(let backend) = target.backend {
            return .refused("this agent \(backend.fault); update it")
        }
        let kind = Kind(target.backend)
        if kind == .nftables || kind == .ipset { return .filter }
        guard others[kind] != nil else {
            return .refused(
                kind == .allowList
                    ? "AllowListListen is not set on this agent, so nobody could fetch the list"
                    : "this agent was started without the backend \(kind.rawValue)")
        }
        return .other(kind, cuts: target.backend.flows != nil)
    }
}

extension CompositeEnforcer.Kind {
    init(_ backend: Backend) {
        switch backend {
        case .nftablesSet, .nftablesGuard: self = .nftables
        case .ipset: self = .ipset
        case .haproxy: self = .haproxy
        case .script: self = .script
        case .allowList: self = .allowList
        case .dryRun, .unknown: self = .dryRun
        }
    }
}

extension MemberChange {
    /// The target that it is about.
    public var target: TargetID {
        switch self {
        case .open(let member): member.target
        case .close(let target, _), .cut(let target, _): target
        }
    }

    /// The address that it is about.
    public var address: IPAddress {
        switch self {
        case .open(let member): member.address
        case .close(_, let address), .cut(_, let address): address
        }
    }
}
