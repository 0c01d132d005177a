import KnocknocModel
import Synchronization

/// A person's wish for a Knoc.
struct Click: Sendable {
    var knoc: KnocID
    var session: Session
    var context: RequestContext
}

/// Lets clicks that come while a grant on the same agent is being committed share the next transaction: an agent's
/// stream has one row that every grant moves, so under slow commits one after the other would take its turn there.
///
/// A click that finds its lane empty goes at once. One that waits does so for ``patience`` at most, so that whatever
/// holds a transaction up holds up nobody else.
final class GrantLanes: Sendable {
    typealias Outcome = Result<Void, any Error>
    typealias Runner = @Sendable ([Click]) async -> [Outcome]

    /// Clicks that take turns: those on one agent, or on one Knoc of which nothing is known yet.
    private enum Key: Hashable { case agent(AgentID), knoc(KnocID) }

    private struct Waiter: Sendable {
        var click: Click
        var continuation: CheckedContinuation<Void, any Error>
    }

    /// What waits behind the transaction that bears this number.
    private struct Lane {
        var turn: UInt64
        var waiting: [Waiter] = []
    }

    private struct State {
        /// Only those where a transaction is under way.
        var lanes: [Key: Lane] = [:]
        var turns: UInt64 = 0
        /// A hint from each Knoc's last grant.
        var agents: [KnocID: AgentID] = [:]

        /// The next clicks of a lane, no two of them for the same Knoc in the same session; nil where none waits, and
        /// the lane is gone.
        mutating func next(_ key: Key) -> (group: [Waiter], turn: UInt64)? {
            guard var lane = lanes.removeValue(forKey: key), !lane.waiting.isEmpty else { return nil }
            var group: [Waiter] = []
            var left: [Waiter] = []
            for waiter in lane.waiting {
                let isTwin = group.contains {
                    $0.click.knoc == waiter.click.knoc && $0.click.session.id == waiter.click.session.id
                }
                if isTwin || group.count == GrantLanes.most { left.append(waiter) } else { group.append(waiter) }
            }
            turns += 1
            lane = Lane(turn: turns, waiting: left)
            lanes[key] = lane
            return (group, turns)
        }
    }

    /// Grants in one transaction.
    static let most = 64

    private let patience: Duration
    private let state = Mutex(State())

    init(patience: Duration) { self.patience = patience }

    /// Remembers which agent a Knoc's grants wait for.
    func learn(_ knoc: KnocID, _ agent: AgentID?) { state.withLock { $0.agents[knoc] = agent } }

    /// How many wait behind transactions that are under way.
    var waiting: Int { state.withLock { $0.lanes.values.reduce(0) { $0 + $1.waiting.count } } }

    /// Runs a click by itself or together with others; `run` answers for each of its clicks, in their order.
    ///
    /// The transaction serves others too, so it goes on where this task is cancelled.
    func submit(_ click: Click, _ run: @escaping Runner) async throws {
        try await withCheckedThrowingContinuation { continuation in
            let waiter = Waiter(click: click, continuation: continuation)
            let start: (key: Key, turn: UInt64)? = state.withLock { state in
                let key = state.agents[click.knoc].map(Key.agent) ?? .knoc(click.knoc)
                guard state.lanes[key] == nil else {
                    state.lanes[key]?.waiting.append(waiter)
                    return nil
                }
                state.turns += 1
                state.lanes[key] = Lane(turn: state.turns)
                return (key, state.turns)
            }
            if let start { Task { await serve([waiter], start.key, start.turn, run) } }
        }
    }

    private func serve(_ first: [Waiter], _ key: Key, _ firstTurn: UInt64, _ run: @escaping Runner) async {
        var (group, turn) = (first, firstTurn)
        while true {
            let mine = turn
            let watch = Task { [patience] in
                if (try? await Task.sleep(for: patience)) != nil { overtake(key, mine, run) }
            }
            let outcomes = await run(group.map(\.click))
            watch.cancel()
            for (waiter, outcome) in zip(group, outcomes) { waiter.continuation.resume(with: outcome) }
            let next = state.withLock { state in state.lanes[key]?.turn == mine ? state.next(key) : nil }
            guard let next else { return }
            (group, turn) = next
        }
    }

    /// Lets those that wait behind a slow transaction go beside it.
    private func overtake(_ key: Key, _ turn: UInt64, _ run: @escaping Runner) {
        let next = state.withLock { state in state.lanes[key]?.turn == turn ? state.next(key) : nil }
        if let next { Task { await serve(next.group, key, next.turn, run) } }
    }
}
