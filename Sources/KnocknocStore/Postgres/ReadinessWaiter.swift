/// Waits for a socket once, for at most a given time.
final class ReadinessWaiter: ReactorClient {
    private let shot = OneShot<Void>()
    private let deadline: ContinuousClock.Instant

    private init(deadline: ContinuousClock.Instant) { self.deadline = deadline }

    static func wait(
        for socket: Int32, _ interest: Reactor.Interest, until deadline: ContinuousClock.Instant
    ) async throws {
        guard deadline > .now else { throw timeout }
        let waiter = ReadinessWaiter(deadline: deadline)
        let token = try Reactor.shared.add(waiter, socket, interest)
        defer { Reactor.shared.remove(token, socket) }
        try await waiter.shot.value()
    }

    func ready(canWrite: Bool) { shot.complete(.success(())) }

    func tick(_ now: ContinuousClock.Instant) {
        if now >= deadline { shot.complete(.failure(Self.timeout)) }
    }

    private static var timeout: StoreError { StoreError(.unavailable, "no answer in time", sqlState: "08006") }
}
