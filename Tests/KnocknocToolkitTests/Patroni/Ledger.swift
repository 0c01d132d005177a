import Synchronization

/// What was acknowledged, kept outside the database.
final class Ledger: Sendable {
    private struct State {
        var acknowledged: Set<Int> = []
        var next = 0
        var waiting: [(begun: ContinuousClock.Instant, CheckedContinuation<ContinuousClock.Instant, Never>)] = []
    }

    private let state = Mutex(State())

    func next() -> Int {
        state.withLock { state in
            state.next += 1
            return state.next
        }
    }

    /// - Parameter begun: when the write was asked for.
    func acknowledge(_ id: Int, begun: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        let woken = state.withLock { state in
            state.acknowledged.insert(id)
            let woken = state.waiting.filter { $0.begun <= begun }
            state.waiting.removeAll { $0.begun <= begun }
            return woken
        }
        for waiter in woken { waiter.1.resume(returning: now) }
    }

    var acknowledged: Set<Int> { state.withLock { $0.acknowledged } }

    /// When the first write is acknowledged that was begun after `moment`.
    func firstWrite(after moment: ContinuousClock.Instant) async -> ContinuousClock.Instant {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiting.append((moment, continuation)) }
        }
    }
}
