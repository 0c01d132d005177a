import NIOConcurrencyHelpers

/// Hands what happens to everybody who listens.
final class Broadcast<Event: Sendable>: Sendable {
    private let limit: Int?
    private let listeners = NIOLockedValueBox<[Int: AsyncStream<Event>.Continuation]>([:])
    private let next = NIOLockedValueBox(0)

    /// - Parameter limit: how many of the latest a slow listener keeps; nil is all.
    init(keeping limit: Int?) { self.limit = limit }

    func stream() -> AsyncStream<Event> {
        let (stream, continuation) = AsyncStream<Event>.makeStream(
            bufferingPolicy: limit.map { .bufferingNewest($0) } ?? .unbounded)
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

    func send(_ event: Event) {
        for listener in listeners.withLockedValue({ Array($0.values) }) { listener.yield(event) }
    }

    func finish() {
        for listener in listeners.withLockedValue({ Array($0.values) }) { listener.finish() }
    }
}

extension Broadcast<Disturbance> {
    /// A slow listener keeps only the latest few, which mean the same.
    convenience init() { self.init(keeping: 4) }
}
