import Synchronization

/// A value that comes once and that any number of tasks may wait for.
final class Once<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiting: [AsyncStream<Value>.Continuation] = []
    }

    private let state = Mutex(State())

    var value: Value? { state.withLock { $0.value } }

    /// Sets the value unless there is one.
    func set(_ value: Value) {
        let waiting = state.withLock { state in
            guard state.value == nil else { return [AsyncStream<Value>.Continuation]() }
            state.value = value
            let waiting = state.waiting
            state.waiting = []
            return waiting
        }
        for continuation in waiting {
            continuation.yield(value)
            continuation.finish()
        }
    }

    /// - Returns: the value; nil where the task was cancelled first.
    func wait() async -> Value? {
        let (stream, continuation) = AsyncStream<Value>.makeStream()
        let present = state.withLock { state in
            if state.value == nil { state.waiting.append(continuation) }
            return state.value
        }
        if let present { return present }
        for await value in stream { return value }
        return nil
    }
}
