/// How a transaction is committed, and what it waits for.
public struct WriteOptions: Sendable {
    public var durability: Durability
    /// When to give up, with all retries; nil: after as long as the database is configured to be waited for.
    public var deadline: ContinuousClock.Instant?
    /// For locks that others hold, up to ``Transaction/endOfLockPatience``. Past it the write fails with ``StoreError``
    /// `contended` and is not tried again. nil, and on SQLite, which has one writer: as long as for any statement.
    public var lockPatience: Duration?

    public init(durability: Durability = .safe) { self.durability = durability }
}

/// What a commit waits for.
public enum Durability: Sendable {
    /// The disk, and a synchronous standby where there is one.
    case safe
    /// Nothing: a crash of the database within the next second may lose it, as a whole. For what is said again.
    case hasty
}
