import Synchronization

/// A value that is set once, from any thread, and awaited by one task.
final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<Value, any Error>)
        case done(Result<Value, any Error>)
        case taken
    }

    private let state = Mutex(State.empty)

    /// Only the first call counts.
    func complete(_ result: Result<Value, any Error>) {
        let waiter: CheckedContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .empty:
                state = .done(result)
                return nil
            case .waiting(let continuation):
                state = .taken
                return continuation
            case .done, .taken: return nil
            }
        }
        waiter?.resume(with: result)
    }

    func value() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let now: Result<Value, any Error>? = state.withLock { state in
                    switch state {
                    case .empty:
                        state = .waiting(continuation)
                        return nil
                    case .done(let result):
                        state = .taken
                        return result
                    case .waiting, .taken: return .failure(CancellationError())
                    }
                }
                if let now { continuation.resume(with: now) }
            }
        } onCancel: {
            complete(.failure(CancellationError()))
        }
    }

    /// As ``value()``, failing with `error` after `limit`.
    func value(within limit: Duration, else error: @autoclosure @escaping @Sendable () -> any Error) async throws
        -> Value
    {
        let timer = Task {
            try await Task.sleep(for: limit)
            complete(.failure(error()))
        }
        defer { timer.cancel() }
        return try await value()
    }
}
