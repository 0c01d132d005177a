public import KnocknocModel
import NIOConcurrencyHelpers

/// Lets pass what this host's administrator allows. What exceeds that is refused with the key that says so, and nothing
/// that an earlier run, with higher ceilings, let in is kept. Taking away is never refused.
public final class CeilingEnforcer: Enforcer {
    private struct State {
        var refusals: [TargetID: Refusal] = [:]
        /// What counts towards `MaxEntries`.
        var open: Set<Place> = []
        /// What was never let in, so that there is nothing to take away.
        var turnedAway: Set<Place> = []
    }

    private struct Refusal {
        var reason: String
        /// Whether nothing of it is open any more.
        var isClosed: Bool
    }

    private let ceilings: Ceilings
    private let inner: any Enforcer
    private let state = NIOLockedValueBox(State())

    public init(_ ceilings: Ceilings, around inner: any Enforcer) {
        self.ceilings = ceilings
        self.inner = inner
    }

    public nonisolated(nonsending) func define(_ targets: [TargetDefinition]) async -> [TargetID: Outcome] {
        let judged = judged(targets)
        let outcomes = note(judged, await inner.define(judged.passed))
        let kept = Set(judged.passed.filter { $0.purpose == .enforce }.map(\.id))
        state.withLockedValue { state in state.open = state.open.filter { kept.contains($0.target) } }
        return outcomes
    }

    public nonisolated(nonsending) func apply(_ changes: [MemberChange]) async -> [Outcome] {
        let answers = state.withLockedValue { state in changes.map { answer($0, &state) } }
        let passed = changes.indices.filter { answers[$0] == nil }
        guard passed.count < changes.count else { return await inner.apply(changes) }
        let inside = passed.isEmpty ? [] : await inner.apply(passed.map { changes[$0] })
        var outcomes = answers.map { $0 ?? .applied }
        for (index, outcome) in zip(passed, inside) { outcomes[index] = outcome }
        return outcomes
    }

    public nonisolated(nonsending) func reconcile(_ targets: [TargetDefinition], _ members: [Member]) async
        -> Reconciliation
    {
        let judged = judged(targets)
        var failures: [Reconciliation.Failure] = []
        var wanted: [Member] = []
        for member in members {
            if let reason = judged.reasons[member.target] {
                failures.append(.init(member: member, reason: reason))
            } else {
                wanted.append(member)
            }
        }
        if let most = ceilings.entries, wanted.count > most {
            let open = state.withLockedValue(\.open)
            // Those who are in stay in; an order that is always the same moves nobody in and out.
            let sorted = wanted.sorted { one, other in
                let isIn = (open.contains(Place(one)), open.contains(Place(other)))
                if isIn.0 != isIn.1 { return isIn.0 }
                return (one.deadline, one.target, one.address) < (other.deadline, other.target, other.address)
            }
            failures += sorted.dropFirst(most).map { .init(member: $0, reason: tooMany(most)) }
            wanted = Array(sorted.prefix(most))
        }
        var result = await inner.reconcile(judged.passed, wanted)
        result.targets = note(judged, result.targets)
        result.failures += failures
        state.withLockedValue { state in state.open = Set(wanted.map { Place($0) }) }
        return result
    }

    public func disturbances() -> AsyncStream<Disturbance> { inner.disturbances() }

    public nonisolated(nonsending) func flowsCut(by guard: NFTablesGuard) async -> FlowCensus {
        await inner.flowsCut(by: `guard`)
    }

    public nonisolated(nonsending) func limitations() async -> [String: String] { await inner.limitations() }

    public nonisolated(nonsending) func versions() async -> [String: String] { await inner.versions() }

    private struct Judgement {
        var passed: [TargetDefinition] = []
        var reasons: [TargetID: String] = [:]
        var closed: Set<TargetID> = []
    }

    /// What goes on, and why the rest does not.
    private func judged(_ targets: [TargetDefinition]) -> Judgement {
        var result = Judgement()
        for target in targets {
            guard target.purpose != .unguard, let reason = ceilings.refusal(of: target.backend) else {
                result.passed.append(target)
                continue
            }
            switch target.backend.atRefusal {
            case .emptied:
                // What only has to be emptied is in order as it is.
                if target.purpose == .enforce { result.reasons[target.id] = reason }
                var emptied = target
                emptied.purpose = .released
                result.passed.append(emptied)
            case .closedByOmission:
                result.reasons[target.id] = reason
                result.closed.insert(target.id)
            case .untouched:
                result.reasons[target.id] = reason
            }
        }
        return result
    }

    /// Remembers what is refused.
    ///
    /// - Returns: the outcomes, refusals among them.
    private func note(_ judged: Judgement, _ inside: [TargetID: Outcome]) -> [TargetID: Outcome] {
        let refusals = judged.reasons.reduce(into: [TargetID: Refusal]()) { all, item in
            let isClosed = inside[item.key].map { $0 == .applied || $0 == .dryRun } ?? judged.closed.contains(item.key)
            all[item.key] = Refusal(reason: item.value, isClosed: isClosed)
        }
        state.withLockedValue { state in
            state.refusals = refusals
            state.turnedAway = state.turnedAway.filter { refusals[$0.target] != nil }
        }
        return inside.merging(judged.reasons.mapValues { .failed($0) }) { _, refused in refused }
    }

    /// Nil for what goes on.
    private func answer(_ change: MemberChange, _ state: inout State) -> Outcome? {
        let place = Place(target: change.target, address: change.address)
        if let refusal = state.refusals[change.target] {
            if case .open = change {
                state.turnedAway.insert(place)
                return .failed(refusal.reason)
            }
            // A cut may go with the removal, which is the last that is heard of one.
            let isOut = state.turnedAway.contains(place)
            if case .close = change { state.turnedAway.remove(place) }
            let isClosed = isOut || refusal.isClosed
            return isClosed ? .applied : .failed("\(refusal.reason); what an earlier run let in may still be open")
        }
        switch change {
        case .cut: break
        case .close: state.open.remove(place)
        case .open:
            if let most = ceilings.entries, !state.open.contains(place), state.open.count >= most {
                return .failed(tooMany(most))
            }
            state.open.insert(place)
        }
        return nil
    }

    private func tooMany(_ most: Int) -> String { "this host's MaxEntries is \(most), and as many addresses are open" }
}

extension Backend {
    fileprivate enum AtRefusal { case emptied, closedByOmission, untouched }

    /// What becomes of a target that may not be enforced here.
    fileprivate var atRefusal: AtRefusal {
        switch self {
        // Only elements that carry our mark are taken out.
        case .nftablesSet: .emptied
        // A guard that a definition leaves out loses its members and keeps its drop; a list is gone with its target.
        case .nftablesGuard, .allowList, .dryRun: .closedByOmission
        // A file, a socket or a program that is not allowed is not even used to take something away.
        case .ipset, .haproxy, .script, .unknown: .untouched
        }
    }
}
