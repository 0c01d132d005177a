public import Logging

/// Brings a database's schema to this release's; safe when several nodes do so at once.
public struct Migrator: Sendable {
    private let database: any DatabaseService
    private let migrations: [Migration]
    private let logger: Logger

    /// - Parameter migrations: those compiled in where nil.
    /// - Throws: ``StoreError`` `configuration` where the migrations do not fit together.
    public init(_ database: any DatabaseService, migrations: [Migration]? = nil, logger: Logger) throws(StoreError) {
        self.database = database
        if let migrations {
            self.migrations = migrations
        } else {
            self.migrations = try Migration.embedded(for: database.engine)
        }
        self.logger = logger
    }

    /// Applies what is pending, each file in one transaction under the site's migration lock.
    ///
    /// - Parameter finish: contracting migrations too; only once no older node lives.
    /// - Throws: ``StoreError`` `schemaTooNew` where the schema is not for this release, `olderNode` naming those that
    ///   would lose what they use.
    @discardableResult
    public func migrate(finish: Bool = false) async throws -> MigrationStatus {
        while true {
            let status = try await status()
            if let obstacle = status.obstacle, obstacle.code == .schemaTooNew { throw obstacle }
            guard let next = status.pending.first(where: { finish || !$0.isContracting }) else { return status }
            try await apply(next)
        }
    }

    public func status() async throws -> MigrationStatus {
        try await database.migrate { try await status(in: $0) }
    }

    /// - Throws: ``StoreError`` `schemaTooNew` or `schemaTooOld` with a sentence that says what to do.
    public func check() async throws {
        if let obstacle = try await status().obstacle { throw obstacle }
    }

    /// Migrates and writes down that this node uses the schema, under one lock, so that no other node's `finish` slips
    /// in between.
    ///
    /// - Throws: ``StoreError`` `schemaTooNew` or `schemaTooOld`.
    public func admit(_ node: WebNode) async throws {
        try await migrate()
        try await database.migrate { session in
            if let obstacle = try await status(in: session).obstacle { throw obstacle }
            _ = try await session.run(NodeTable.note(node))
        }
    }

    private func status(in session: any MigrationSession) async throws -> MigrationStatus {
        var status = MigrationStatus(
            engine: database.engine, applied: [], pending: migrations, version: 0, readableFrom: 0,
            release: migrations.last?.version ?? 0)
        guard try await session.hasSchema() else { return status }
        let rows = try await session.run([
            Statement("select version, readable_from from schema_state where id = 1"),
            Statement("select version, name, applied_at from schema_migrations order by version"),
        ])
        if let state = rows[0].first {
            status.version = Int(try state.integer("version"))
            status.readableFrom = Int(try state.integer("readable_from"))
        }
        status.applied = try rows[1].map { row in
            MigrationStatus.Applied(
                version: Int(try row.integer("version")), name: try row.text("name"),
                appliedAt: try row.timestamp("applied_at"))
        }
        let applied = Set(status.applied.map(\.version))
        status.pending = migrations.filter { !applied.contains($0.version) }
        return status
    }

    private func apply(_ migration: Migration) async throws {
        let didApply = try await database.migrate { session in
            let status = try await status(in: session)
            // Another node may have been faster.
            guard status.pending.contains(where: { $0.version == migration.version }) else { return false }
            if let obstacle = status.obstacle, obstacle.code == .schemaTooNew { throw obstacle }
            if migration.isContracting { try await refuseForOlderNodes(migration, session) }
            if status.applied.isEmpty { try await session.prepareSchema() }
            do { try await session.execute(script: migration.sql) } catch let error as StoreError {
                throw StoreError(
                    error.code, "migration \(migration.version) (\(migration.name)) failed: \(error.message)",
                    sqlState: error.sqlState, constraint: error.constraint)
            }
            let version = max(status.version, migration.version)
            let readableFrom = max(status.readableFrom, migration.readableFrom ?? 1)
            try await session.run([
                Statement(
                    """
                    insert into schema_state (id, version, readable_from) values (1, $1, $2)
                    on conflict (id) do update set version = excluded.version, readable_from = excluded.readable_from
                    """, version, readableFrom),
                Statement(
                    "insert into schema_migrations (version, name, applied_at) values ($1, $2, knocknoc_now())",
                    migration.version, migration.name),
            ])
            return true
        }
        if didApply { logger.notice("applied migration \(migration.version) (\(migration.name))") }
    }

    private func refuseForOlderNodes(_ migration: Migration, _ session: any MigrationSession) async throws {
        let release = migrations.last?.version ?? 0
        let older = try await session.run(NodeTable.olderThan(release: release)).map { row in
            "\(try row.text("name")) (\(try row.text("version")), seen \(try row.integer("seconds")) s ago)"
        }
        guard older.isEmpty else {
            throw StoreError(
                .olderNode,
                "migration \(migration.version) (\(migration.name)) takes away what older nodes use, and these live: "
                    + "\(older.joined(separator: ", ")); upgrade or stop them first")
        }
    }
}
