/// One host of a Postgres URL, as it is at this moment.
public struct PostgresHost: Hashable, Sendable {
    public enum Role: String, Hashable, Sendable {
        case primary
        case standby
        /// It does not answer, or does not let us in.
        case away
    }

    /// As in `db1:5432`.
    public var name: String
    public var role = Role.away
    /// Why it is away.
    public var problem: String?
    /// As in "15.4 (Debian 15.4-1)".
    public var version: String?
    /// What a primary has written of its log, or a standby has replayed, in bytes from the log's beginning.
    public var position: Int64?
    /// A standby's: microseconds since the commit that it replayed last.
    public var replayedAgo: Int64?
    /// A primary's: whether a commit waits for a synchronous standby.
    public var isSynchronous: Bool?
    /// Which run of which server it is.
    public var server: String?

    public init(name: String) { self.name = name }
}

/// Looks at each host of a Postgres URL for itself, where a ``PostgresDatabase`` looks for the one that takes writes.
public enum PostgresSurvey {
    /// - Parameter limit: for one host to answer.
    /// - Returns: the hosts in the URL's order; none for SQLite.
    /// - Throws: ``StoreError`` `configuration`.
    public static func take(_ url: DatabaseURL, within limit: Duration = .seconds(3)) async throws -> [PostgresHost] {
        guard url.engine == .postgres else { return [] }
        let targets = try PostgresTarget.parse(url.location)
        return await withTaskGroup(of: (Int, PostgresHost).self) { group in
            for (index, target) in targets.enumerated() {
                group.addTask { (index, await ask(target, until: .now + limit)) }
            }
            var hosts = targets.map { PostgresHost(name: $0.name) }
            for await (index, host) in group { hosts[index] = host }
            return hosts
        }
    }

    private static func ask(_ target: PostgresTarget, until deadline: ContinuousClock.Instant) async -> PostgresHost {
        var host = PostgresHost(name: target.name)
        do {
            let row = try await PostgresConnector.reach(target, until: deadline) { handle in
                try await handle.execute(query, until: deadline).first
            }
            guard let row else { throw PostgresErrors.lost("the question had no answer") }
            host.role = try row.bool("standby") ? .standby : .primary
            host.version = try row.text("version")
            host.position = try row.optional("position", row.integer)
            host.replayedAgo = try row.optional("replayed_ago", row.integer)
            host.isSynchronous = try row.bool("standby") ? nil : try row.bool("sync")
            host.server = try row.text("server")
        } catch {
            host.problem = (error as? StoreError)?.message ?? "\(error)"
        }
        return host
    }

    private static let query = """
        select pg_is_in_recovery() as standby, current_setting('server_version') as version,
            cast(pg_wal_lsn_diff(
                case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, '0/0')
                as bigint) as position,
            cast(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000000 as bigint)
                as replayed_ago,
            current_setting('synchronous_standby_names') <> ''
                and current_setting('synchronous_commit') in ('on', 'remote_apply', 'remote_write') as sync,
            pg_postmaster_start_time()::text as server
        """
}
