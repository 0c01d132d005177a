import GRDB
import KnocknocModel
import Synchronization

/// One open SQLite transaction; its connection is held for it alone.
final class SQLiteTransaction: Transaction, MigrationSession {
    private struct State {
        var hasEnded = false
        var failure: StoreError?
    }

    private let connection: any DatabaseWriter
    private let state = Mutex(State())

    init(_ connection: any DatabaseWriter) { self.connection = connection }

    /// What a statement failed with. Postgres would refuse to go on after it, so neither does SQLite.
    var failure: StoreError? { state.withLock { $0.failure } }

    func end() { state.withLock { $0.hasEnded = true } }

    func run(_ statement: Statement) async throws -> [Row] {
        try await perform { try SQLiteAccess.run(statement, $0) }
    }

    func run(_ statements: [Statement]) async throws -> [[Row]] {
        try await perform { database in try statements.map { try SQLiteAccess.run($0, database) } }
    }

    var endOfLockPatience: [Statement] { [] }

    func now() async throws -> Timestamp {
        guard let row = try await run(Statement("select knocknoc_now() as now")).first else {
            throw StoreError(.decoding, "the database did not tell its time")
        }
        return try row.timestamp("now")
    }

    func execute(script: String) async throws {
        try await perform { database in
            do { try database.execute(sql: script) } catch let error as DatabaseError {
                throw SQLiteErrors.error(error, error.sql, database)
            }
        }
    }

    func hasSchema() async throws -> Bool {
        try await !run(Statement("select 1 from sqlite_master where type = 'table' and name = 'schema_state'")).isEmpty
    }

    func prepareSchema() async throws {}

    private func perform<Result: Sendable>(
        _ body: @escaping @Sendable (GRDB.Database) throws -> Result
    ) async throws -> Result {
        try state.withLock { state throws(StoreError) in
            if state.hasEnded { throw StoreError(.statement, "this transaction has ended") }
            if let failure = state.failure { throw failure }
        }
        do {
            return try await connection.perform(body)
        } catch {
            state.withLock { $0.failure = $0.failure ?? error as? StoreError }
            throw error
        }
    }
}

extension DatabaseWriter {
    /// On the connection's queue, also where the task is cancelled: a rollback has to run.
    func perform<Result: Sendable>(
        _ body: @escaping @Sendable (GRDB.Database) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            asyncWriteWithoutTransaction { database in
                continuation.resume(with: Swift.Result { try body(database) }.mapError(SQLiteErrors.wrap))
            }
        }
    }
}
