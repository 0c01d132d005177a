import KnocknocModel
import KnocknocStore
import Synchronization

/// Reasons to read again: at once, then on hints about one user, and at a moment that may be moved.
final class Wakes: Sendable {
    let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let hints: Task<Void, Never>
    private let timer = Mutex<Task<Void, Never>?>(nil)

    init(_ events: AsyncStream<StoreEvent>, for user: UserID?) {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.stream = stream
        self.continuation = continuation
        continuation.yield()
        hints = Task {
            for await event in events {
                switch event {
                case .users(let users): if let user, users.contains(user) { continuation.yield() }
                case .everything, .reconnected: continuation.yield()
                case .agents, .pings: break
                }
            }
        }
    }

    /// Replaces the moment of an earlier call.
    func wake(at deadline: ContinuousClock.Instant) {
        let task = Task { [continuation] in
            guard (try? await Task.sleep(until: deadline, clock: .continuous)) != nil else { return }
            continuation.yield()
        }
        timer.withLock { timer in
            timer?.cancel()
            timer = task
        }
    }

    func stop() {
        hints.cancel()
        timer.withLock { $0?.cancel() }
        continuation.finish()
    }
}
