extension Probe {
    /// Watches for a while and returns the bytes that came through after `moment`; none is what a cut flow shows.
    ///
    /// - Parameter moment: on ``Clock``. What was on its way to the probe's own process then is let through: 50 ms.
    public func bytes(after moment: Double, for span: Duration, from peer: String? = nil) async throws -> [Double] {
        try await Task.sleep(for: span)
        return received(from: peer).filter { $0 > moment + 0.05 }
    }

    /// Lets the watch run for a while; what it saw is in ``changes``.
    public func look(for span: Duration) async throws { try await Task.sleep(for: span) }
}
