public import KnocknocModel
import NIOConcurrencyHelpers

/// Sends each target to the enforcer of its backend, within what this host allows.
public final class CompositeEnforcer: Enforcer {
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case nftables
        case dryRun = "dry-run"
    }

    private let nftables: any Enforcer
    private let dryRun = DryRunEnforcer()
    private let allowed: Set<Kind>
    /// Where each known target went; steps name targets only.
    private let routes = NIOLockedValueBox<[TargetID: Route]>([:])

    private enum Route: Hashable {
        case nftables, dryRun
        case refused(String)
    }

    /// - Parameters:
    ///   - nftables: nil where the packet filter cannot be changed: its targets are then dry runs.
    ///   - allowed: the backends that this host's administrator allows; others are refused.
    public init(nftables: (any Enforcer)?, allowed: Set<Kind> = Set(Kind.allCases)) {
        self.nftables = nftables ?? DryRunEnforcer()
        self.allowed = allowed
    }

    public nonisolated(nonsending) func define(_ targets: [TargetDefinition]) async -> [TargetID: Outcome] {
        let routes = route(targets)
        var outcomes = await nftables.define(targets.filter { routes[$0.id] == .nftables })
        outcomes.merge(await dryRun.define(targets.filter { routes[$0.id] == .dryRun })) { first, _ in first }
        for (id, route) in routes { if case .refused(let reason) = route { outcomes[id] = .failed(reason) } }
        return outcomes
    }

    public nonisolated(nonsending) func apply(_ changes: [MemberChange]) async -> [Outcome] {
        let routes = routes.withLockedValue { $0 }
        var outcomes = changes.map { change -> Outcome in
            switch routes[change.target] {
            case .dryRun: .dryRun
            case .refused(let reason): .failed(reason)
            case .nftables: .applied
            case nil: .failed("target \(change.target) is not defined on this agent")
            }
        }
        let real = changes.indices.filter { routes[changes[$0].target] == .nftables }
        guard !real.isEmpty else { return outcomes }
        for (index, outcome) in zip(real, await nftables.apply(real.map { changes[$0] })) { outcomes[index] = outcome }
        return outcomes
    }

    public nonisolated(nonsending) func reconcile(_ targets: [TargetDefinition], _ members: [Member]) async
        -> Reconciliation
    {
        let routes = route(targets)
        var result = await nftables.reconcile(
            targets.filter { routes[$0.id] == .nftables }, members.filter { routes[$0.target] == .nftables })
        for (id, route) in routes {
            switch route {
            case .nftables: break
            case .dryRun: result.targets[id] = .dryRun
            case .refused(let reason):
                result.targets[id] = .failed(reason)
                result.failures += members.filter { $0.target == id }.map { .init(member: $0, reason: reason) }
            }
        }
        return result
    }

    public func disturbances() -> AsyncStream<Disturbance> { nftables.disturbances() }

    public nonisolated(nonsending) func flowsCut(by guard: NFTablesGuard) async -> FlowCensus {
        await nftables.flowsCut(by: `guard`)
    }

    public nonisolated(nonsending) func limitations() async -> [String: String] { await nftables.limitations() }

    private func route(_ targets: [TargetDefinition]) -> [TargetID: Route] {
        var result: [TargetID: Route] = [:]
        for target in targets {
            if case .unknown(let backend) = target.backend {
                result[target.id] = .refused("this agent \(backend.fault); update it")
                continue
            }
            let kind: Kind = if case .dryRun = target.backend { .dryRun } else { .nftables }
            // Taking a guard away needs no leave: what was allowed before must not stay for ever.
            let leaves = target.purpose == .unguard
            result[target.id] =
                !allowed.contains(kind) && !leaves
                ? .refused("this host's AllowBackends does not name \(kind.rawValue)")
                : kind == .dryRun ? .dryRun : .nftables
        }
        routes.withLockedValue { $0 = result }
        return result
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
