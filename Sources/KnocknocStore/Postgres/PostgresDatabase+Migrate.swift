import KnocknocModel

extension PostgresDatabase {
    public func migrate<Result: Sendable>(
        _ body: @Sendable (any MigrationSession) async throws -> Result
    ) async throws -> Result {
        // Another node may be at it, and a lock is waited for only 2 s at a time.
        var backoff = Backoff(until: .now + .seconds(60))
        var outage = Outage(logger)
        while true {
            do {
                let handle = try await connector.connectPlainly()
                defer { handle.finish() }
                let session = PostgresMigrationSession(handle, logger)
                try await session.begin()
                let result = try await body(session)
                try await session.commit()
                return result
            } catch let error as StoreError {
                // XX000: "tuple concurrently updated", which roles and grants answer with under concurrency.
                let mayRetry = PostgresErrors.isRetriable(error) || error.sqlState == "XX000"
                if error.code == .unavailable { outage.note(error) }
                guard mayRetry, try await backoff.pause() else { throw error }
            }
        }
    }
}
