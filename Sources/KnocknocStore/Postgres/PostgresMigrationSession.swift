import KnocknocModel
import Logging

/// The transaction in which a migration is applied to Postgres.
final class PostgresMigrationSession: MigrationSession {
    /// Transaction-scoped; the number is "knocknoc" in ASCII.
    private static let lock: Int64 = 0x6b6e_6f63_6b6e_6f63

    private let handle: PostgresHandle
    private let logger: Logger

    init(_ handle: PostgresHandle, _ logger: Logger) {
        self.handle = handle
        self.logger = logger
    }

    /// Longer than any lock_timeout; a migration of a large table takes its time.
    private var deadline: ContinuousClock.Instant { .now + .seconds(600) }

    func begin() async throws {
        try await execute(
            script: """
                begin;
                set local lock_timeout = '2s';
                set local statement_timeout = 0;
                set local idle_in_transaction_session_timeout = 0;
                set local search_path = knocknoc;
                """)
        _ = try await run(Statement("select pg_advisory_xact_lock($1)", Self.lock))
        try await becomeOwner()
    }

    func commit() async throws { try await execute(script: "commit") }

    func run(_ statement: Statement) async throws -> [Row] { try await handle.execute(statement, until: deadline) }

    func run(_ statements: [Statement]) async throws -> [[Row]] {
        var results: [[Row]] = []
        for statement in statements { results.append(try await run(statement)) }
        return results
    }

    func execute(script: String) async throws { _ = try await handle.execute(script, until: deadline) }

    func hasSchema() async throws -> Bool {
        let rows = try await run(Statement("select to_regclass('knocknoc.schema_state') is not null as found"))
        return try rows.first?.bool("found") ?? false
    }

    /// Gives the schema to the role `knocknoc_owner` where this login may make roles, so that every later login that is a member of it can
    /// migrate; else the login owns it.
    func prepareSchema() async throws {
        try await execute(script: "savepoint owner")
        do {
            try await makeOwner()
        } catch let error as StoreError where error.code != .unavailable {
            try await execute(script: "rollback to savepoint owner")
            logger.notice("the schema belongs to this login, not to the role knocknoc_owner: \(error)")
            try await execute(script: "create schema if not exists knocknoc")
        }
    }

    private func makeOwner() async throws {
        let rows = try await run(
            Statement(
                """
                select rolsuper as super, rolsuper or rolcreaterole as may,
                    exists (select from pg_roles where rolname = 'knocknoc_owner') as made,
                    format('grant knocknoc_owner to %I', session_user) as join_owner,
                    format('alter role %I in database %I set role = knocknoc_owner', session_user, current_database())
                        as set_role,
                    format('alter role %I in database %I set search_path = knocknoc', session_user, current_database())
                        as set_path
                from pg_roles where rolname = session_user
                """))
        guard let row = rows.first, try row.bool("may") || row.bool("made") else {
            return try await execute(script: "create schema if not exists knocknoc")
        }
        if try !row.bool("made") { try await makeRole() }
        if try !row.bool("super"), try row.bool("may") { try await execute(script: try row.text("join_owner")) }
        try await execute(script: "create schema if not exists knocknoc authorization knocknoc_owner")
        // A superuser needs no membership and is not to be demoted behind its back.
        if try !row.bool("super") {
            try await execute(script: try row.text("set_role"))
            try await execute(script: try row.text("set_path"))
        }
        try await becomeOwner()
    }

    /// Roles belong to the cluster: another database's migration may make this one at the same moment.
    private func makeRole() async throws {
        try await execute(script: "savepoint role")
        do { try await execute(script: "create role knocknoc_owner nologin") } catch let error as StoreError
            where error.code == .unique || error.sqlState == "42710" || error.sqlState == "XX000"
        {
            try await execute(script: "rollback to savepoint role")
        }
    }

    /// New objects get the owner of the schema, where this login is a member of it.
    private func becomeOwner() async throws {
        let rows = try await run(
            Statement(
                """
                select format('set local role %I', pg_get_userbyid(nspowner)) as become
                from pg_namespace
                where nspname = 'knocknoc' and pg_get_userbyid(nspowner) <> current_user
                    and pg_has_role(session_user, nspowner, 'member')
                """))
        if let row = rows.first { try await execute(script: try row.text("become")) }
    }
}
