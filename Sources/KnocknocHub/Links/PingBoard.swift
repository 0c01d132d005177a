import Synchronization

/// Pings on their way, each waiting for its answer.
final class PingBoard: Sendable {
    private struct Waiting {
        var began: ContinuousClock.Instant
        var answer: CheckedContinuation<Duration?, Never>
    }
    private let waiting = Mutex<[String: Waiting]>([:])

    /// Sends a ping and waits for its answer.
    ///
    /// - Returns: the time there and back, nil where none came within `limit`.
    func ping(_ id: String, limit: Duration, send: @Sendable @escaping () -> Void) async -> Duration? {
        let timer = Task {
            try await Task.sleep(for: limit)
            self.finish(id, answered: false)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            waiting.withLock { $0[id] = Waiting(began: .now, answer: continuation) }
            send()
        }
    }

    func finish(_ id: String, answered: Bool) {
        guard let found = waiting.withLock({ $0.removeValue(forKey: id) }) else { return }
        found.answer.resume(returning: answered ? found.began.duration(to: .now) : nil)
    }
}
