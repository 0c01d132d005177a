import KnocknocModel
import Testing

@testable import KnocknocStore

@Suite("migrations")
struct MigratorTests {
    @Test("several nodes that start at once migrate once", arguments: Driver.available)
    func together(_ driver: Driver) async throws {
        let url = try await Fixture.emptyURL(driver)
        try await withThrowingTaskGroup(of: MigrationStatus.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let database = try Fixture.open(url)
                    defer { Task { await database.close() } }
                    return try await Migrator(database, logger: Fixture.logger).migrate()
                }
            }
            for try await status in group {
                #expect(status.isUsable && status.pending.isEmpty && status.version == status.release)
                #expect(status.applied.map(\.version) == Array(1...status.release))
            }
        }
        let database = try Fixture.open(url)
        #expect(try await database.run(Statement("select id from site")).count == 1)
        await database.close()
    }

    @Test("an empty database says what to do", arguments: Driver.available)
    func empty(_ driver: Driver) async throws {
        let database = try Fixture.open(try await Fixture.emptyURL(driver))
        let migrator = try Migrator(database, logger: Fixture.logger)
        let status = try await migrator.status()
        #expect(status.version == 0 && !status.pending.isEmpty)
        let error = await #expect(throws: StoreError.self) { try await migrator.check() }
        #expect(error?.code == .schemaTooOld && error?.message.contains("knocknoc migrate") == true)
        await database.close()
    }

    @Test("a schema that needs a newer release is refused and left alone", arguments: Driver.available)
    func tooNew(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            try await database.migrate { session in
                _ = try await session.run(Statement("update schema_state set version = 900, readable_from = 899"))
            }
            let migrator = try Migrator(database, logger: Fixture.logger)
            let error = await #expect(throws: StoreError.self) { try await migrator.migrate() }
            #expect(error?.code == .schemaTooNew && error?.message.contains("899") == true)
        }
    }

    @Test("a newer schema that this release can still read is used as it is", arguments: Driver.available)
    func newerButReadable(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            try await database.migrate { session in
                _ = try await session.run(Statement("update schema_state set version = 900"))
            }
            #expect(try await Migrator(database, logger: Fixture.logger).migrate().isUsable)
        }
    }

    @Test("a contracting migration waits for --finish", arguments: Driver.available)
    func contracting(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let next = try await Migrator(database, logger: Fixture.logger).status().release + 1
            let migrations =
                try Migration.embedded(for: database.engine) + [
                    Migration(
                        file: "\(next)_extra_contract.sql",
                        sql: "-- readable-from: \(next)\nalter table probe drop column amount2;"),
                    Migration(file: "\(next + 1)_more.sql", sql: "alter table probe add column amount3 bigint;"),
                ]
            let migrator = try Migrator(
                database,
                migrations: migrations.map { one in
                    var one = one
                    if driver == .sqlite { one.sql = one.sql.replacing("bigint", with: "integer") }
                    return one
                }, logger: Fixture.logger)
            try await database.migrate { session in
                try await session.execute(
                    script: "alter table probe add column amount2 \(driver == .sqlite ? "integer" : "bigint");")
            }
            let before = try await migrator.migrate()
            #expect(before.pending.map(\.version) == [next] && before.isUsable)
            let after = try await migrator.migrate(finish: true)
            #expect(after.pending.isEmpty && after.readableFrom == next)
        }
    }

    @Test("a contracting migration is refused while an older node lives, and names it", arguments: Driver.available)
    func olderNode(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let release = try await Migrator(database, logger: Fixture.logger).status().release
            let next = release + 1
            let contract = try Migration(
                file: "\(next)_gone_contract.sql", sql: "-- readable-from: \(next)\ncreate table gone (id text);")
            let migrations = try Migration.embedded(for: database.engine) + [contract]
            let migrator = try Migrator(database, migrations: migrations, logger: Fixture.logger)
            let older = WebNode(id: "one", name: "web-1", version: "0.1.0", release: release)
            let equal = WebNode(id: "two", name: "web-2", version: "0.2.0", release: next)
            try await migrator.admit(older)
            try await migrator.admit(equal)
            let error = await #expect(throws: StoreError.self) { try await migrator.migrate(finish: true) }
            #expect(error?.code == .olderNode)
            #expect(error?.message.contains("web-1 (0.1.0") == true && error?.message.contains("web-2") == false)
            #expect(try await migrator.status().pending.count == 1)

            // Silent for a minute is gone.
            try await database.migrate { session in
                _ = try await session.run(Statement("update nodes set seen_at = seen_at - 61000000 where id = 'one'"))
            }
            #expect(try await migrator.migrate(finish: true).pending.isEmpty)
            // And what came back too late learns it at its start.
            let back = try Migrator(
                database, migrations: Array(migrations.dropLast()), logger: Fixture.logger)
            let refused = await #expect(throws: StoreError.self) { try await back.admit(older) }
            #expect(refused?.code == .schemaTooNew)
        }
    }

    @Test("a migration that fails leaves nothing behind and is named", arguments: Driver.available)
    func failing(_ driver: Driver) async throws {
        try await Fixture.with(driver) { database, _ in
            let next = try await Migrator(database, logger: Fixture.logger).status().release + 1
            let bad = try Migration(
                file: "\(next)_bad.sql", sql: "create table half (id int);\ninsert into nowhere values (1);")
            let migrations = try Migration.embedded(for: database.engine) + [bad]
            let error = await #expect(throws: StoreError.self) {
                try await Migrator(database, migrations: migrations, logger: Fixture.logger).migrate()
            }
            #expect(error?.message.contains("bad") == true)
            await #expect(throws: StoreError.self) { try await database.run(Statement("select id from half")) }
            #expect(try await Migrator(database, logger: Fixture.logger).status().version == next - 1)
        }
    }

    @Test("a file's name and header are read, and wrong ones are named")
    func files() throws {
        let migration = try Migration(file: "0012_drop_old_contract.sql", sql: "-- readable-from: 7\nselect 1;")
        #expect(migration.version == 12 && migration.isContracting && migration.readableFrom == 7)
        #expect(throws: StoreError.self) { try Migration(file: "initial.sql", sql: "") }
        #expect(throws: StoreError.self) { try Migration(file: "0001_a.sql", sql: "-- readable-from: x") }
    }
}
