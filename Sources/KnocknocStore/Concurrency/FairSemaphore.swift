import Synchronization

/// A bounded number of slots, given out in the order in which they were asked for.
final class FairSemaphore: Sendable {
    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<Void, any Error>
        /// Set once the waiter is in the list: a timer that fires before would find nobody to give up.
        var timer: Task<Void, Never>?
    }

    private struct State {
        var available: Int
        var waiters: [Waiter] = []
        var lastID: UInt64 = 0
    }

    private let state: Mutex<State>

    init(slots: Int) { state = Mutex(State(available: slots)) }

    /// Waits for a slot.
    ///
    /// - Throws: ``StoreError`` `unavailable` after `limit`, at once where that is zero or less; `CancellationError`
    ///   where the task is cancelled.
    func acquire(within limit: Duration, for purpose: String) async throws {
        let id: UInt64? = state.withLock { state in
            if state.available > 0 {
                state.available -= 1
                return nil
            }
            state.lastID += 1
            return state.lastID
        }
        guard let id else { return }
        let late = StoreError(.unavailable, "waited \(limit) for \(purpose)")
        guard limit > .zero else { throw late }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let immediate = state.withLock { state in
                    if state.available > 0 {
                        state.available -= 1
                        return true
                    }
                    state.waiters.append(Waiter(id: id, continuation: continuation))
                    return false
                }
                if immediate { return continuation.resume() }
                if Task.isCancelled { return give(up: id, CancellationError()) }
                start(Task { if (try? await Task.sleep(for: limit)) != nil { self.give(up: id, late) } }, for: id)
            }
        } onCancel: {
            give(up: id, CancellationError())
        }
    }

    func release() {
        let next: Waiter? = state.withLock { state in
            if state.waiters.isEmpty {
                state.available += 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.timer?.cancel()
        next?.continuation.resume()
    }

    private func start(_ timer: Task<Void, Never>, for id: UInt64) {
        let waits = state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return false }
            state.waiters[index].timer = timer
            return true
        }
        if !waits { timer.cancel() }
    }

    private func give(up id: UInt64, _ error: any Error) {
        let waiter: Waiter? = state.withLock { state in
            state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
        }
        waiter?.timer?.cancel()
        waiter?.continuation.resume(throwing: error)
    }
}
