import KnocknocProtocol
import Synchronization

/// Pings on their way, each waiting for its answer.
final class PingBoard: Sendable {
    private struct Waiting {
        var began: ContinuousClock.Instant
        var answer: CheckedContinuation<PingAnswer?, Never>
    }
    private let waiting = Mutex<[String: Waiting]>([:])

    /// Sends a ping and waits for its answer.
    ///
    /// - Returns: nil where none came within `limit`.
    func ping(_ id: String, limit: Duration, send: @Sendable @escaping () -> Void) async -> PingAnswer? {
        let timer = Task {
            try await Task.sleep(for: limit)
            self.finish(id, nil)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            waiting.withLock { $0[id] = Waiting(began: .now, answer: continuation) }
            send()
        }
    }

    /// - Parameter pong: nil where the agent did not answer.
    func finish(_ id: String, _ pong: AgentMessage.Pong?) {
        guard let found = waiting.withLock({ $0.removeValue(forKey: id) }) else { return }
        let answer = pong.map { PingAnswer(roundTrip: found.began.duration(to: .now), log: $0.log) }
        found.answer.resume(returning: answer)
    }
}
