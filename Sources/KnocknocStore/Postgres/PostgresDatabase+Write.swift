public import KnocknocModel

extension PostgresDatabase {
    private enum Outcome<Result: Sendable>: Sendable {
        case committed(Result)
        /// COMMIT was sent and nobody knows what became of it.
        case unknown(Result, StoreError)
        /// Nothing was written.
        case failed(any Error, mayRetry: Bool)
    }

    public func write<Result: Sendable>(
        _ operation: OperationID, _ options: WriteOptions,
        _ body: @Sendable (any Transaction) async throws -> Result
    ) async throws -> Result {
        var backoff = Backoff(until: options.deadline ?? .now + self.options.patience)
        var preparations = connections
        var unknown: (result: Result, error: StoreError)?
        while true {
            let failure: any Error
            var mayRetry = true
            switch await attempt(operation, options, until: backoff.deadline, body) {
            case .committed(let result): return result
            case .unknown(let result, let error):
                unknown = (result, error)
                failure = error
            case .failed(let error as StoreError, _) where Self.isOwn(error, operation):
                // The operation's row is there: the earlier COMMIT did arrive. Its insert waits for a transaction
                // that is still open, so this is never too early.
                guard let unknown else { throw error }
                if await isSafe(operation, until: backoff.deadline) { return unknown.result }
                failure = unknown.error
            case .failed(let error, let retriable):
                failure = error
                mayRetry = retriable
                if let error = error as? StoreError, PostgresErrors.wantsPreparing(error), preparations > 0 {
                    preparations -= 1
                    mayRetry = true
                }
            }
            if mayRetry, try await backoff.pause() { continue }
            guard mayRetry, let unknown else { throw failure }
            throw StoreError(
                .unknownOutcome,
                "the database was lost while it committed; whether it did could not be found out: "
                    + unknown.error.message)
        }
    }

    /// A later commit that was waited for carries the earlier one to the synchronous standby, where there is one.
    private func isSafe(_ operation: OperationID, until deadline: ContinuousClock.Instant) async -> Bool {
        guard let connection = try? await pool.take(until: deadline) else { return false }
        defer { pool.give(back: connection) }
        let outcome = try? await connection.run(
            [
                Statement("begin")
            ] + connection.preamble + [
                Statement("update operations set created_at = created_at where id = $1", operation),
                Statement("commit"),
            ], until: min(deadline, .now + options.statementDeadline))
        return outcome.map { $0.replies.last?.result.tag == "COMMIT" && !$0.wasSyncWaitCancelled } ?? false
    }

    private static func isOwn(_ error: StoreError, _ operation: OperationID) -> Bool {
        error.code == .unique && error.constraint == "operations_pkey"
    }

    private func attempt<Result: Sendable>(
        _ operation: OperationID, _ options: WriteOptions, until deadline: ContinuousClock.Instant,
        _ body: @Sendable (any Transaction) async throws -> Result
    ) async -> Outcome<Result> {
        let connection: PostgresConnection
        do { connection = try await pool.take(until: deadline) } catch {
            return .failed(error, mayRetry: (error as? StoreError)?.code == .unavailable)
        }
        defer { pool.give(back: connection) }
        var opening = [Statement("begin")] + connection.preamble
        if options.durability == .hasty { opening.append(Statement("set local synchronous_commit = off")) }
        if let patience = options.lockPatience {
            let milliseconds = max(1, patience / .milliseconds(1))
            opening.append(Statement("select set_config('lock_timeout', $1, true)", "\(Int64(milliseconds))ms"))
        }
        opening.append(
            Statement("insert into operations (id, created_at) values ($1, knocknoc_now())", operation))
        let transaction = PostgresTransaction(
            connection, opening: opening, statementDeadline: self.options.statementDeadline)
        let result: Result
        do {
            result = try await body(transaction)
            if let failure = transaction.failure { throw failure }
        } catch {
            transaction.abandon()
            if options.lockPatience != nil, transaction.failure?.sqlState == "55P03" {
                return .failed(StoreError(.contended, "somebody else holds a row that is needed"), mayRetry: false)
            }
            // What the body made of a statement's failure matters less than the failure.
            let decisive = transaction.failure.flatMap { failure in
                PostgresErrors.isRetriable(failure) || PostgresErrors.wantsPreparing(failure)
                    || Self.isOwn(failure, operation) ? failure : nil
            }
            return .failed(
                retire(decisive ?? error, connection),
                mayRetry: transaction.failure.map(PostgresErrors.isRetriable) ?? false)
        }
        do {
            guard try await transaction.commit() else {
                let error = StoreError(.unavailable, "the wait for a synchronous standby was given up")
                connector.retire(because: error.message, olderThan: connection.generation)
                return .unknown(result, error)
            }
            return .committed(result)
        } catch let error as StoreError where error.code == .unavailable {
            _ = retire(error, connection)
            return .unknown(result, error)
        } catch {
            return .failed(error, mayRetry: (error as? StoreError).map(PostgresErrors.isRetriable) ?? false)
        }
    }
}
