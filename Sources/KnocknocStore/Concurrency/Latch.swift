import Synchronization

/// Something that happens at most once and can be waited for, again and again, for a limited time.
final class Latch: Sendable {
    private struct State {
        var isSet = false
        var waiters: [OneShot<Bool>] = []
    }

    private let state = Mutex(State())

    func set() {
        let waiters = state.withLock { state in
            state.isSet = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.complete(.success(true)) }
    }

    /// Whether it happened before `limit` passed.
    func wait(within limit: Duration) async throws -> Bool {
        let shot = OneShot<Bool>()
        let isSet = state.withLock { state in
            if !state.isSet { state.waiters.append(shot) }
            return state.isSet
        }
        if isSet { return true }
        let timer = Task {
            try await Task.sleep(for: limit)
            shot.complete(.success(false))
        }
        defer {
            timer.cancel()
            state.withLock { state in state.waiters.removeAll { $0 === shot } }
        }
        return try await shot.value()
    }
}
