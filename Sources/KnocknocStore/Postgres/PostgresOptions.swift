/// What a ``PostgresDatabase`` may use and how long it waits.
public struct PostgresOptions: Sendable {
    /// Connections that transactions take in turn.
    public var transactionConnections = 8
    /// Connections that single reads share.
    public var readConnections = 2
    /// A database URL that bypasses a pooler, for LISTEN only.
    public var listenURL: String?
    /// For one host to let us in, unless the URL says `connect_timeout`.
    public var connectTimeout = Duration.seconds(2)
    /// For one statement to be answered before its connection is given up.
    public var statementDeadline = Duration.seconds(5)
    /// For a read or a write in all, with its retries.
    public var patience = Duration.seconds(5)
    /// For what a node asks on its own account: health, the clock, events.
    public var serviceTimeout = Duration.seconds(2)
    /// Between two tries to hear our own nonce on the channel.
    public var proofInterval = Duration.seconds(5)
    /// For a nonce to come back.
    public var proofTimeout = Duration.seconds(2)

    public init() {}

    /// For work that is better late than not done: whole reads and writes, and each statement of them, may take this long.
    public mutating func wait(_ patience: Duration) {
        (self.patience, statementDeadline) = (patience, patience)
        (connectTimeout, serviceTimeout) = (max(connectTimeout, patience / 6), max(serviceTimeout, patience / 2))
    }
}
