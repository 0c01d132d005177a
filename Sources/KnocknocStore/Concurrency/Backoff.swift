/// Growing pauses with jitter up to a deadline.
struct Backoff {
    let deadline: ContinuousClock.Instant
    private var next = Duration.milliseconds(10)

    init(until deadline: ContinuousClock.Instant) { self.deadline = deadline }

    /// - Returns: false, at once, where the deadline would pass.
    mutating func pause() async throws -> Bool {
        let pause = next * Double.random(in: 0.5...1.5)
        next = min(next * 2, .milliseconds(400))
        guard ContinuousClock.now + pause < deadline else { return false }
        try await Task.sleep(for: pause)
        return true
    }
}
