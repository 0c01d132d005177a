import NIOConcurrencyHelpers

/// Hands disturbances to everybody who listens; a slow listener keeps only the latest few, which mean the same.
final class DisturbanceBroadcast: Sendable {
    private let listeners = NIOLockedValueBox<[Int: AsyncStream<Disturbance>.Continuation]>([:])
    private let next = NIOLockedValueBox(0)

    func stream() -> AsyncStream<Disturbance> {
        let (stream, continuation) = AsyncStream<Disturbance>.makeStream(bufferingPolicy: .bufferingNewest(4))
        let number = next.withLockedValue { value in
            defer { value += 1 }
            return value
        }
        listeners.withLockedValue { $0[number] = continuation }
        continuation.onTermination = { [weak self] _ in
            self?.listeners.withLockedValue { $0[number] = nil }
        }
        return stream
    }

    func send(_ disturbance: Disturbance) {
        for listener in listeners.withLockedValue({ Array($0.values) }) { listener.yield(disturbance) }
    }

    func finish() {
        for listener in listeners.withLockedValue({ Array($0.values) }) { listener.finish() }
    }
}
