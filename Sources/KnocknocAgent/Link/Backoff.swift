/// How long to wait before the next attempt: at once to another URL, then up to 30 s with full jitter, for ever.
struct Backoff: Sendable {
    /// Milliseconds that the ceiling of a random wait starts from and never passes.
    static let first: Int64 = 1000
    static let longest: Int64 = 30_000

    /// How many URLs are tried in turn; at least one.
    var servers: Int { didSet { servers = max(1, servers) } }
    private var failures = 0

    /// - Parameter servers: how many URLs are tried in turn; at least one.
    init(servers: Int) { self.servers = max(1, servers) }

    /// A link stood: the next loss starts anew.
    mutating func succeeded() { failures = 0 }

    /// Milliseconds to wait after a failure or a loss; the first is short so that another node takes over quickly.
    ///
    /// - Parameter spread: within how many milliseconds the agents of a node that is lost dial another one.
    mutating func next(spread: Int64 = 0, using generator: inout some RandomNumberGenerator) -> Int64 {
        failures += 1
        if failures == 1 { return Int64.random(in: 100...max(300, spread), using: &generator) }
        let round = (failures - 1) / servers
        guard (failures - 1) % servers == 0 else { return Int64.random(in: 20...60, using: &generator) }
        let ceiling = min(Self.longest, Self.first << Int64(min(round - 1, 8)))
        return Int64.random(in: 100...ceiling, using: &generator)
    }
}
