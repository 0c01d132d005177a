import KnocknocModel
import KnocknocStore
import Synchronization

/// Lets clicks that come while a grant on the same agent is being committed share the next transaction: an agent's
/// stream has one row that every grant moves, so under slow commits one after the other would take its turn there.
///
/// A click that finds its lane empty goes at once. What holds up one click alone holds up nobody else: a group in which
/// that happens is halved until the click is found, which then goes outside its lane.
final class GrantLanes: Sendable {
    typealias Outcome = Result<Void, any Error>

    /// What became of one click of a group.
    enum Verdict: Sendable {
        case decided(Outcome)
        /// It has to go by itself.
        case alone
    }

    /// What became of a group.
    enum Ending: Sendable {
        /// One for each click, in their order.
        case verdicts([Verdict])
        /// One of them waits for what somebody else holds; nothing was written.
        case contended
    }

    /// How clicks are run.
    struct Runner: Sendable {
        var together: @Sendable ([Click]) async -> Ending
        var alone: @Sendable (Click) async -> Outcome
    }

    /// Clicks that take turns: those on one agent, or on one Knoc of which nothing is known yet.
    private enum Key: Hashable { case agent(AgentID), knoc(KnocID) }

    private struct Waiter: Sendable {
        var click: Click
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        /// Those that wait, by lane; a lane is here while a transaction of it is under way.
        var lanes: [Key: [Waiter]] = [:]
        /// A hint from each Knoc's last grant.
        var agents: [KnocID: AgentID] = [:]

        /// The next group of a lane and those who have waited too long; no group where nobody waits, and the lane is
        /// gone. A person has one click in a group: their sessions are locked together where they are disabled.
        mutating func next(_ key: Key, now: ContinuousClock.Instant) -> (group: [Waiter], late: [Waiter]) {
            var (group, late, left): ([Waiter], [Waiter], [Waiter]) = ([], [], [])
            var users: Set<UserID?> = []
            for waiter in lanes.removeValue(forKey: key) ?? [] {
                if waiter.click.deadline <= now {
                    late.append(waiter)
                } else if group.count < GrantLanes.most, users.insert(waiter.click.session.userID).inserted {
                    group.append(waiter)
                } else {
                    left.append(waiter)
                }
            }
            if !group.isEmpty { lanes[key] = left }
            return (group, late)
        }
    }

    /// Grants in one transaction.
    static let most = 64
    /// Clicks that wait in one lane.
    static let capacity = 1000

    private let state = Mutex(State())

    /// Remembers which agent a Knoc's grants wait for.
    func learn(_ knoc: KnocID, _ agent: AgentID?) { state.withLock { $0.agents[knoc] = agent } }

    /// How many wait behind transactions that are under way.
    var waiting: Int { state.withLock { $0.lanes.values.reduce(0) { $0 + $1.count } } }

    /// Runs a click by itself or together with others.
    ///
    /// The transaction serves others too, so it goes on where this task is cancelled.
    /// - Throws: what the click was refused with; ``AccessError`` busy where too many wait already.
    func submit(_ click: Click, _ runner: Runner) async throws {
        try await withCheckedThrowingContinuation { continuation in
            let waiter = Waiter(click: click, continuation: continuation)
            let (start, refused): (Key?, Bool) = state.withLock { state in
                let key = state.agents[click.knoc].map(Key.agent) ?? .knoc(click.knoc)
                guard let waiting = state.lanes[key]?.count else {
                    state.lanes[key] = []
                    return (key, false)
                }
                guard waiting < Self.capacity else { return (nil, true) }
                state.lanes[key]?.append(waiter)
                return (nil, false)
            }
            if refused {
                continuation.resume(
                    throwing: AccessError(.busy, "too many people ask for this at the moment", retryAfter: 1))
            }
            if let start { Task { await serve([waiter], start, runner) } }
        }
    }

    private func serve(_ first: [Waiter], _ key: Key, _ runner: Runner) async {
        var groups = [first]
        while true {
            while let group = groups.popLast() {
                switch await runner.together(group.map(\.click)) {
                case .verdicts(let verdicts):
                    precondition(verdicts.count == group.count, "a click without a verdict")
                    for (waiter, verdict) in zip(group, verdicts) { settle(waiter, verdict, runner) }
                case .contended where group.count == 1: settle(group[0], .alone, runner)
                case .contended:
                    let middle = group.count / 2
                    groups += [Array(group[middle...]), Array(group[..<middle])]
                }
            }
            let (group, late) = state.withLock { $0.next(key, now: .now) }
            for waiter in late {
                waiter.continuation.resume(
                    throwing: StoreError(.unavailable, "the database took too long for those who came before"))
            }
            if group.isEmpty { return }
            groups = [group]
        }
    }

    private func settle(_ waiter: Waiter, _ verdict: Verdict, _ runner: Runner) {
        switch verdict {
        case .decided(let outcome): waiter.continuation.resume(with: outcome)
        case .alone: Task { waiter.continuation.resume(with: await runner.alone(waiter.click)) }
        }
    }
}
