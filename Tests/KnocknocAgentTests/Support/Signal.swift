import NIOConcurrencyHelpers
import Testing

/// Wakes those who wait for a condition whenever something changed; a condition that never comes fails the test.
final class Signal: Sendable {
    private let waiting = NIOLockedValueBox<[AsyncStream<Void>.Continuation]>([])

    func notify() { for one in waiting.withLockedValue({ $0 }) { one.yield() } }

    /// Waits until `condition` holds, looking whenever notified and, for what cannot notify, 50 times a second.
    func wait(
        _ what: String, seconds: Int = 60, sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: @Sendable () -> Bool
    ) async {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        waiting.withLockedValue { $0.append(continuation) }
        let deadline = ContinuousClock.now + .seconds(seconds)
        let beat = Task {
            while !Task.isCancelled {
                continuation.yield()
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
        defer { beat.cancel() }
        for await _ in stream {
            if condition() { return }
            if ContinuousClock.now > deadline { break }
        }
        Issue.record("waited \(seconds) s in vain for: \(what)", sourceLocation: sourceLocation)
    }
}
