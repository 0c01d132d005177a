import KnocknocModel

/// What a new connection turned out to be.
struct PostgresProfile: Sendable {
    /// Whether a pooler stands between: it hands out other backends than the one it announced.
    var isPooled: Bool
    /// Which run of which server it is: one server may have many addresses, and one address many servers in time.
    var server: String

    /// Milliseconds for a statement, where the URL does not say otherwise: the server gives up before we do.
    var limit: Int

    /// - Parameter deadline: ours for a statement.
    static func limit(_ deadline: Duration) -> Int { max(4000, Int(deadline / .milliseconds(1)) / 5 * 4) }

    /// What each transaction behind a pooler begins with, since its session is somebody else's next.
    var preamble: Statement {
        Statement(
            """
            select set_config('search_path', 'knocknoc', true),
                case when current_setting('statement_timeout') = '0'
                    then set_config('statement_timeout', $1, true) end,
                set_config('idle_in_transaction_session_timeout', '30s', true)
            """, "\(limit)ms")
    }

    /// Checks that the host takes writes, and sets up the session, in one round trip.
    ///
    /// - Parameter limit: milliseconds for a statement.
    /// - Throws: ``StoreError`` `unavailable` for a standby.
    static func probe(
        _ handle: PostgresHandle, backend: Int32, limit: Int, until deadline: ContinuousClock.Instant
    ) async throws -> PostgresProfile {
        // A pooler's session is not ours to set up: there each transaction is.
        let rows = try await handle.execute(
            """
            select pg_backend_pid() <> \(backend) as pooled, pg_postmaster_start_time()::text as server,
                pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as read_only,
                case when pg_backend_pid() = \(backend) then set_config('search_path', 'knocknoc', false) end,
                case when pg_backend_pid() = \(backend) and current_setting('statement_timeout') = '0'
                    then set_config('statement_timeout', '\(limit)ms', false) end,
                case when pg_backend_pid() = \(backend)
                    then set_config('idle_in_transaction_session_timeout', '30s', false) end
            """, until: deadline)
        guard let row = rows.first else { throw PostgresErrors.lost("the probe had no answer") }
        guard try !row.bool("read_only") else {
            throw StoreError(.unavailable, "\(handle.target.name): takes no writes (a standby)", sqlState: "25006")
        }
        return PostgresProfile(isPooled: try row.bool("pooled"), server: try row.text("server"), limit: limit)
    }
}
