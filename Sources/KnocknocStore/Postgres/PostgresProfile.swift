import KnocknocModel

/// What a new connection turned out to be.
struct PostgresProfile: Sendable {
    /// Whether a pooler stands between: it hands out other backends than the one it announced.
    var isPooled: Bool
    /// Which run of which server it is: one server may have many addresses, and one address many servers in time.
    var server: String

    /// What each transaction behind a pooler begins with, since its session is somebody else's next.
    static let preamble = Statement(
        """
        select set_config('search_path', 'knocknoc', true),
            case when current_setting('statement_timeout') = '0' then set_config('statement_timeout', '4s', true) end,
            set_config('idle_in_transaction_session_timeout', '30s', true)
        """)

    /// Checks that the host takes writes, and sets up the session, in one round trip.
    ///
    /// - Throws: ``StoreError`` `unavailable` for a standby.
    static func probe(
        _ handle: PostgresHandle, backend: Int32, until deadline: ContinuousClock.Instant
    ) async throws -> PostgresProfile {
        // A pooler's session is not ours to set up: there each transaction is.
        let rows = try await handle.execute(
            """
            select pg_backend_pid() <> \(backend) as pooled, pg_postmaster_start_time()::text as server,
                pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as read_only,
                case when pg_backend_pid() = \(backend) then set_config('search_path', 'knocknoc', false) end,
                case when pg_backend_pid() = \(backend) and current_setting('statement_timeout') = '0'
                    then set_config('statement_timeout', '4s', false) end,
                case when pg_backend_pid() = \(backend)
                    then set_config('idle_in_transaction_session_timeout', '30s', false) end
            """, until: deadline)
        guard let row = rows.first else { throw PostgresErrors.lost("the probe had no answer") }
        guard try !row.bool("read_only") else {
            throw StoreError(.unavailable, "\(handle.target.name): takes no writes (a standby)", sqlState: "25006")
        }
        return PostgresProfile(isPooled: try row.bool("pooled"), server: try row.text("server"))
    }
}
