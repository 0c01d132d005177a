/// What one hash costs: Argon2id with one lane (RFC 9106; the default is OWASP's second choice).
public struct PasswordCost: Hashable, Sendable {
    /// Memory in bytes, at least 8 KiB.
    public var memory: Int
    /// Passes over that memory, at least 1.
    public var passes: UInt64

    public init(memory: Int = 19 * 1024 * 1024, passes: UInt64 = 2) {
        self.memory = memory
        self.passes = passes
    }

    /// A well-formed hash of these costs that no password has: checking it takes the time of a real one.
    var unmatchable: String {
        let salt = String(repeating: "A", count: 22)
        let digest = String(repeating: "A", count: 43)
        return "$argon2id$v=19$m=\(memory / 1024),t=\(passes),p=1$\(salt)$\(digest)"
    }
}
