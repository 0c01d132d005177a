extension Lab {
    /// Looks every 50 ms until something is so, for a minute at most.
    public static func until(_ what: String, _ isTrue: () async throws -> Bool) async throws {
        let end = Clock.now + 60
        while true {
            if try await isTrue() { return }
            guard Clock.now < end else { throw LabError("not within 60 s: \(what)") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
