import GRDB
public import KnocknocModel
public import Logging
import Synchronization

/// The embedded database: one file in WAL mode, one server process, short commands beside it.
public final class SQLiteDatabase: DatabaseService {
    public let engine = Engine.sqlite

    private let pool: DatabasePool
    private let snapshots: SQLiteReaders
    private let lock: ServerLock?
    private let writer = FairSemaphore(slots: 1)
    private let hub = EventHub()
    private let clock: ClockEstimate
    private let logger: Logger
    private static let patience = Duration.seconds(5)

    /// - Parameters:
    ///   - path: absolute; the file is made with mode 0600, missing folders with 0700.
    ///   - serverLock: true for the one server process, false for a command beside it.
    ///   - wall: the clock behind `knocknoc_now()`.
    /// - Throws: ``StoreError`` `locked` or `configuration`.
    public init(
        path: String, serverLock: Bool, logger: Logger, wall: @escaping @Sendable () -> Timestamp = SystemTime.now
    ) throws {
        self.logger = logger
        let clock = ClockEstimate(wall: wall)
        self.clock = clock
        try SQLiteFile.prepare(path)
        lock = serverLock ? try ServerLock(path: path + ".lock") : nil
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.label = "knocknoc"
        configuration.prepareDatabase { database in
            database.add(
                function: DatabaseFunction("knocknoc_now", argumentCount: 0, pure: false) { _ in
                    clock.now().microseconds
                })
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            // GRDB sets NORMAL once it has opened; an acknowledged grant must survive a power cut.
            try pool.writeWithoutTransaction { try $0.execute(sql: "pragma synchronous = full") }
        } catch {
            throw SQLiteErrors.wrap(error)
        }
        snapshots = SQLiteReaders(path: path, configuration: configuration, limit: 4)
    }

    public func run(_ statement: Statement) async throws -> [Row] {
        try await read { try SQLiteAccess.run(statement, $0) }
    }

    public func run(_ statements: [Statement]) async throws -> [[Row]] {
        try await read { database in try statements.map { try SQLiteAccess.run($0, database) } }
    }

    public func write<Result: Sendable>(
        _ operation: OperationID, _ options: WriteOptions,
        _ body: @Sendable (any Transaction) async throws -> Result
    ) async throws -> Result {
        try await writing(until: options.deadline) { transaction in
            _ = try await transaction.run(
                Statement("insert into operations (id, created_at) values ($1, knocknoc_now())", operation))
            return try await body(transaction)
        }
    }

    public func migrate<Result: Sendable>(
        _ body: @Sendable (any MigrationSession) async throws -> Result
    ) async throws -> Result {
        try await writing { try await body($0) }
    }

    public func snapshot<Result: Sendable>(
        _ body: @Sendable (any Transaction) async throws -> Result
    ) async throws -> Result {
        try await snapshots.with { reader in
            // A deferred transaction's snapshot begins with its first read.
            try await reader.perform { database in
                try database.beginTransaction(.deferred)
                _ = try Int.fetchOne(database, sql: "select count(*) from sqlite_master")
            }
            let transaction = SQLiteTransaction(reader)
            defer { transaction.end() }
            do {
                let result = try await body(transaction)
                try await reader.perform { try $0.commit() }
                return result
            } catch {
                try? await reader.perform { try $0.rollback() }
                throw error
            }
        }
    }

    public func estimatedNow() -> Timestamp { clock.now() }

    public func silence() -> Duration { .zero }

    public func events() -> AsyncStream<StoreEvent> { hub.subscribe() }

    public func announce(_ event: StoreEvent) { hub.publish(event) }

    public func announceElsewhere(_ event: StoreEvent) {}

    public func health() async throws -> DatabaseHealth {
        let rows = try await run(Statement("select version, readable_from from schema_state where id = 1"))
        guard let row = rows.first else { throw StoreError(.schemaTooOld, "the database has not been migrated") }
        return DatabaseHealth(
            schema: Int(try row.integer("version")), readableFrom: Int(try row.integer("readable_from")),
            events: "live", durability: "local")
    }

    public func waitUntilReachable() async throws {}

    /// Every second, tells subscribers when another process wrote.
    public func run() async throws {
        var known: Int64?
        while true {
            do {
                let version = try await dataVersion()
                if let known, known != version { hub.publish(.everything) }
                known = version
            } catch let error as StoreError {
                logger.warning("cannot look for other processes' writes: \(error)")
            }
            try await Task.sleep(for: .seconds(1))
        }
    }

    public func redirect(to url: String, listenURL: String?) throws(StoreError) {
        throw StoreError(.configuration, "DatabaseURL: another file, or a file no more, needs a restart")
    }

    public func close() async {
        snapshots.close()
        try? pool.close()
        // Whoever still holds a reference to this does not keep the next server away.
        lock?.release()
    }

    private func dataVersion() async throws -> Int64? {
        try await writer.acquire(within: Self.patience, for: "the writer")
        defer { writer.release() }
        return try await pool.perform { try Int64.fetchOne($0, sql: "pragma data_version") }
    }

    private func writing<Result: Sendable>(
        until deadline: ContinuousClock.Instant? = nil, _ body: (SQLiteTransaction) async throws -> Result
    ) async throws -> Result {
        let patience = deadline.map { min(Self.patience, $0 - .now) } ?? Self.patience
        try await writer.acquire(within: patience, for: "the database's writer")
        defer { writer.release() }
        try await pool.perform { try $0.beginTransaction(.immediate) }
        let transaction = SQLiteTransaction(pool)
        defer { transaction.end() }
        do {
            let result = try await body(transaction)
            if let failure = transaction.failure { throw failure }
            try await pool.perform { try $0.commit() }
            return result
        } catch {
            try? await pool.perform { if $0.isInsideTransaction { try $0.rollback() } }
            throw error
        }
    }

    private func read<Result: Sendable>(
        _ body: @escaping @Sendable (GRDB.Database) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            pool.asyncUnsafeRead { access in
                continuation.resume(
                    with: Swift.Result { try body(try access.get()) }.mapError(SQLiteErrors.wrap))
            }
        }
    }
}
