public import KnocknocModel

/// Runs statements: a transaction, or a database for single reads.
public protocol Executor: Sendable {
    /// - Throws: ``StoreError``.
    @discardableResult
    func run(_ statement: Statement) async throws -> [Row]

    /// Runs statements that do not depend on each other's results in one round trip where the database can.
    ///
    /// - Returns: the rows of each, in order.
    @discardableResult
    func run(_ statements: [Statement]) async throws -> [[Row]]
}

/// One open transaction. Only ``Database/write(_:_:)`` and ``Database/snapshot(_:)`` make them.
public protocol Transaction: Executor {
    /// The database's clock at the moment of asking (`clock_timestamp()`), not of the transaction's start.
    func now() async throws -> Timestamp

    /// What makes the statements after it in a batch wait for locks as usual; see ``WriteOptions/lockPatience``.
    var endOfLockPatience: [Statement] { get }
}

/// Which engine is behind a ``Database``, for what differs: events, health and what the documents say.
public enum Engine: String, Sendable {
    case postgres, sqlite
}

/// A site's database. `run` on it is one read outside any transaction on any connection.
public protocol Database: Executor {
    var engine: Engine { get }

    /// Runs `body` in one read-write transaction and commits.
    ///
    /// The whole body is run again, with the same `operation`, where the connection or the primary was lost before
    /// COMMIT was sent or the database asked for a retry; once COMMIT was sent the operation is looked up first.
    /// `body` must therefore have no effect but through its transaction.
    ///
    /// - Throws: ``StoreError``, or what `body` threw after rolling back.
    func write<Result: Sendable>(
        _ operation: OperationID, _ options: WriteOptions,
        _ body: @Sendable (any Transaction) async throws -> Result
    ) async throws -> Result

    /// Runs `body` in one read-only repeatable-read transaction.
    func snapshot<Result: Sendable>(
        _ body: @Sendable (any Transaction) async throws -> Result
    ) async throws -> Result

    /// An estimate of the database's clock on its late side: last sample plus the time since sending its query,
    /// never running backwards. Costs nothing; sampled in the background.
    func estimatedNow() -> Timestamp

    /// Hints that something was committed; see ``StoreEvent``. Every call makes an independent subscription.
    func events() -> AsyncStream<StoreEvent>

    /// Tells other nodes, coalesced and best effort, and own subscribers at once. Called after a commit only.
    func announce(_ event: StoreEvent)

    /// Tells other nodes only: subscribers of this process know already.
    func announceElsewhere(_ event: StoreEvent)

    /// The database's own state, for `/health`.
    ///
    /// - Throws: ``StoreError`` where it does not answer within 2 s.
    func health() async throws -> DatabaseHealth
}

extension Database {
    /// Runs `body` in one read-write transaction and waits until its commit is safe.
    public func write<Result: Sendable>(
        _ operation: OperationID, _ body: @Sendable (any Transaction) async throws -> Result
    ) async throws -> Result {
        try await write(operation, WriteOptions(), body)
    }
}

/// A hint that rows changed; the truth is in the rows.
public enum StoreEvent: Hashable, Sendable {
    /// Agents whose revision moved.
    case agents(Set<AgentID>)
    /// Users whose Knocs' states may have changed.
    case users(Set<UserID>)
    /// Agents that somebody asks whether they answer.
    case pings(Set<AgentID>)
    /// Anything may have changed: compare everything.
    case everything
    /// The database was reached anew, perhaps another one: as ``everything``, and what was committed without waiting may
    /// be lost.
    case reconnected
}

public struct DatabaseHealth: Sendable {
    /// The schema's version.
    public var schema: Int
    /// The oldest release that may use this schema.
    public var readableFrom: Int
    /// `live` by LISTEN (or in process), else `polling`.
    public var events: String
    /// `sync` where a commit waits for a synchronous standby, else `async`; SQLite: `local`.
    public var durability: String

    public init(schema: Int, readableFrom: Int, events: String, durability: String) {
        self.schema = schema
        self.readableFrom = readableFrom
        self.events = events
        self.durability = durability
    }
}
