import CLibpq
import KnocknocModel
import Synchronization

/// One open Postgres transaction on a connection of its own. It begins together with its first statements, so that
/// beginning costs no round trip.
final class PostgresTransaction: Transaction {
    private enum Phase { case unopened, open, ended }

    private struct State {
        var phase = Phase.unopened
        var failure: StoreError?
    }

    private let connection: PostgresConnection
    private let opening: [Statement]
    private let limit: Duration
    private let state = Mutex(State())

    init(_ connection: PostgresConnection, opening: [Statement], statementDeadline: Duration) {
        self.connection = connection
        self.opening = opening
        limit = statementDeadline
    }

    /// What a statement failed with; nothing can be done in the transaction after it.
    var failure: StoreError? { state.withLock { $0.failure } }

    func run(_ statement: Statement) async throws -> [Row] {
        guard let rows = try await run([statement]).first else {
            throw StoreError(.decoding, "a statement had no result")
        }
        return rows
    }

    func run(_ statements: [Statement]) async throws -> [[Row]] {
        let isFirst = try state.withLock { state throws(StoreError) in
            if let failure = state.failure { throw failure }
            if state.phase == .ended { throw StoreError(.statement, "this transaction has ended") }
            defer { state.phase = .open }
            return state.phase == .unopened
        }
        do {
            let all = isFirst ? opening + statements : statements
            let outcome = try await connection.run(all, until: .now + limit)
            return try outcome.replies.dropFirst(isFirst ? opening.count : 0).map { try $0.rows() }
        } catch {
            state.withLock { $0.failure = $0.failure ?? error as? StoreError }
            throw error
        }
    }

    var endOfLockPatience: [Statement] { [Statement("set local lock_timeout = default")] }

    func now() async throws -> Timestamp {
        try await run(Statement("select knocknoc_now() as now")).first.map { try $0.timestamp("now") }
            ?? { throw StoreError(.decoding, "the database did not tell its time") }()
    }

    /// - Returns: false where the outcome has to be looked up.
    func commit() async throws -> Bool {
        guard end() else { return true }
        let outcome = try await connection.run([Statement("commit")], until: .now + limit)
        guard outcome.replies.first?.result.tag == "COMMIT" else {
            throw StoreError(.statement, "the database rolled back instead of committing", sqlState: "25P02")
        }
        return !outcome.wasSyncWaitCancelled
    }

    /// Rolls back without waiting; whatever follows on this connection comes after it.
    func abandon() {
        guard end(), connection.isUsable else { return }
        connection.submit(PostgresRequest([Statement("rollback")], deadline: .now + limit, nil))
    }

    /// Whether there was anything to end.
    private func end() -> Bool {
        state.withLock { state in
            defer { state.phase = .ended }
            return state.phase == .open
        }
    }
}
