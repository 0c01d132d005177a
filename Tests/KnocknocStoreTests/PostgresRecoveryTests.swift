import Foundation
import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocStore

/// What goes wrong between a node and its Postgres, with real servers.
@Suite(
    "Postgres in trouble", .timeLimit(.minutes(2)),
    .enabled(if: PostgresServer.isInstalled, "no PostgreSQL server is installed"))
struct PostgresRecoveryTests {
    private func insert(
        _ id: Int, _ database: any Database, meanwhile: @Sendable (any Transaction) async throws -> Void = { _ in }
    ) async throws {
        try await database.write(Fixture.operation()) { transaction in
            _ = try await transaction.run(Statement("insert into probe (id) values ($1)", id))
            try await meanwhile(transaction)
            _ = try await transaction.run(Statement("update probe set amount = 1 where id = $1", id))
        }
    }

    @Test("a hasty commit does not wait for the disk, and the next one on its connection does")
    func durability() async throws {
        try await Fixture.with(.postgres) { database, _ in
            for (durability, expected) in [(Durability.hasty, "off"), (.safe, "on")] {
                let options = WriteOptions(durability: durability)
                let setting = try await database.write(Fixture.operation(), options) { transaction in
                    let asked = Statement("select current_setting('synchronous_commit') as value")
                    return try await transaction.run(asked)[0].text("value")
                }
                #expect(setting == expected)
            }
        }
    }

    @Test("a row that somebody else holds is waited for as long as was said, and what follows as usual")
    func lockPatience() async throws {
        try await Fixture.with(.postgres) { database, _ in
            let insert = Statement("insert into probe (id) values ($1)", 77)
            try await database.write(Fixture.operation()) { _ = try await $0.run(insert) }
            let touch = Statement("update probe set amount = 2 where id = $1", 77)
            let options = {
                var options = WriteOptions()
                options.lockPatience = .milliseconds(1)
                return options
            }()
            let tries = Mutex(0)
            let held = try await database.write(Fixture.operation()) { holder in
                _ = try await holder.run(touch)
                let error = await #expect(throws: StoreError.self) {
                    try await database.write(Fixture.operation(), options) { transaction in
                        tries.withLock { $0 += 1 }
                        _ = try await transaction.run(touch)
                    }
                }
                #expect(error?.code == .contended)
                return Task {
                    try await database.write(Fixture.operation(), options) { transaction in
                        let now = Statement("select current_setting('lock_timeout') as value")
                        let before = try await transaction.run(now)[0].text("value")
                        let rows = try await transaction.run(transaction.endOfLockPatience + [now])
                        return (before, try rows.last?.first?.text("value"))
                    }
                }
            }
            #expect(tries.withLock { $0 } == 1)
            let (before, after) = try await held.value
            #expect(before == "1ms" && after == "0")
        }
    }

    @Test("a connection killed in the middle of a write: the write is done exactly once")
    func killedInWrite() async throws {
        try await Fixture.with(.postgres) { database, _ in
            let server = try await PostgresServer.shared.value
            let attempts = Mutex(0)
            try await insert(1, database) { transaction in
                guard
                    attempts.withLock({
                        $0 += 1; return $0 == 1
                    })
                else { return }
                let backend = try await transaction.run(Statement("select pg_backend_pid() as pid"))[0].integer("pid")
                try await server.sql("select pg_terminate_backend(\(backend), 5000)")
            }
            #expect(attempts.withLock { $0 } == 2)
            try await Fixture.expect(1, in: database)
        }
    }

    @Test("all connections killed under load: every write is done once, every read is answered")
    func killedUnderLoad() async throws {
        try await Fixture.with(.postgres) { database, url in
            let server = try await PostgresServer.shared.value
            let name = url.split(separator: "/").last ?? ""
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in 1...80 {
                    group.addTask { try await insert(id, database) }
                    group.addTask { _ = try await Fixture.count(database) }
                    if id % 20 == 0 {
                        try await server.sql(
                            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '\(name)'")
                    }
                }
                try await group.waitForAll()
            }
            try await Fixture.expect(80, in: database)
        }
    }

    @Test(
        "the line is cut at COMMIT: the write is done exactly once",
        arguments: [FaultProxy.Fault.beforeCommit, .afterCommit])
    func cutAtCommit(_ fault: FaultProxy.Fault) async throws {
        try await Fixture.with(.postgres) { database, url in
            let proxy = try FaultProxy(to: try await PostgresServer.shared.value, fault)
            defer { proxy.stop() }
            let name = url.split(separator: "/").last ?? ""
            let behind = try PostgresDatabase(
                url: "postgres://postgres@127.0.0.1:\(proxy.port)/\(name)?sslmode=disable", logger: Fixture.logger)
            let attempts = Mutex(0)
            try await insert(1, behind) { _ in attempts.withLock { $0 += 1 } }
            #expect(proxy.hasStruck)
            // A COMMIT that did arrive is found by the operation's row before the body gets any further.
            #expect(attempts.withLock { $0 } == (fault == .beforeCommit ? 2 : 1))
            try await Fixture.expect(1, in: database)
            await behind.close()
        }
    }

    @Test("a statement that fails does not touch others in the same pipeline")
    func pipelineIsolation() async throws {
        try await Fixture.with(.postgres) { database, _ in
            await withTaskGroup(of: Bool.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        if index % 3 == 0 {
                            let result = try? await database.run(Statement("select 1 / ($1 - $1) as bad", index))
                            return result == nil
                        }
                        let rows = try? await database.run(Statement("select $1 + 0 as same", index))
                        return (try? rows?[0].integer("same")) == Int64(index)
                    }
                }
                for await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test("a prepared statement whose table changed is prepared again")
    func preparesAgain() async throws {
        try await Fixture.with(.postgres) { database, _ in
            let statement = Statement("select * from probe where id = $1", 1)
            for _ in 0..<4 { #expect(try await database.run(statement).isEmpty) }
            try await database.migrate { session in
                try await session.execute(script: "alter table probe add column later bigint default 7")
            }
            try await insert(1, database)
            for _ in 0..<4 { #expect(try await database.run(statement)[0].integer("later") == 7) }
            try await database.migrate { session in
                try await session.execute(script: "alter table probe drop column later")
            }
            let rows = try await database.write(Fixture.operation()) { try await $0.run(statement) }
            #expect(rows.count == 1)
        }
    }

    @Test("transactions beyond the pool wait their turn")
    func boundedPool() async throws {
        try await Fixture.with(.postgres) { _, url in
            var options = PostgresOptions()
            options.transactionConnections = 2
            options.patience = .milliseconds(300)
            let small = try PostgresDatabase(url: url, logger: Fixture.logger, options: options)
            let held = Latch()
            try await small.snapshot { one in
                try await small.snapshot { two in
                    _ = try await one.run(Statement("select 1 as one"))
                    _ = try await two.run(Statement("select 1 as one"))
                    let error = await #expect(throws: StoreError.self) {
                        try await small.snapshot { _ in held.set() }
                    }
                    #expect(error?.code == .unavailable)
                }
            }
            #expect(try await !held.wait(within: .zero))
            _ = try await small.snapshot { try await $0.run(Statement("select 1 as one")) }
            await small.close()
        }
    }

    @Test("a host that takes connections and never answers costs little")
    func blackHole() async throws {
        try await Fixture.with(.postgres) { _, url in
            let (socket, port) = try FreePort.listen(backlog: 8)
            defer { close(socket) }
            var options = PostgresOptions()
            options.patience = .seconds(60)
            let database = try PostgresDatabase(
                url: url.replacingOccurrences(of: "@127", with: "@127.0.0.1:\(port),127"), logger: Fixture.logger,
                options: options)
            let start = ContinuousClock.now
            try await Fixture.expect(0, in: database)
            #expect(start.duration(to: .now) < .seconds(15))
            await database.close()
        }
    }

    @Test("a statement that takes too long is given up here and ended there")
    func tooLong() async throws {
        try await Fixture.with(.postgres) { _, url in
            var options = PostgresOptions()
            options.statementDeadline = .milliseconds(300)
            options.patience = .milliseconds(300)
            // The server's own limit is out of the way.
            let hasty = try PostgresDatabase(
                url: url + "?options=-c%20statement_timeout%3D1h", logger: Fixture.logger, options: options)
            let error = await #expect(throws: StoreError.self) {
                try await hasty.run(Statement("select pg_sleep(3600) as long"))
            }
            #expect(error?.code == .unavailable)
            let server = try await PostgresServer.shared.value
            let name = url.split(separator: "/").last ?? ""
            let left = "select count(*) from pg_stat_activity where datname = '\(name)' and query like '%3600%'"
            while try await server.sql(left + " and pid <> pg_backend_pid() and state = 'active'") != "0" {}
            await hasty.close()
        }
    }

    @Test("nobody there: an error within the patience that names the host")
    func nobody() async throws {
        let port = try FreePort.find()
        var options = PostgresOptions()
        options.patience = .milliseconds(400)
        let database = try PostgresDatabase(
            url: "postgres://u:s3cret@127.0.0.1:\(port)/d", logger: Fixture.logger, options: options)
        let start = ContinuousClock.now
        let error = await #expect(throws: StoreError.self) { try await Fixture.count(database) }
        #expect(error?.code == .unavailable && error?.message.contains("127.0.0.1:\(port)") == true)
        #expect(error?.message.contains("s3cret") == false)
        await #expect(throws: StoreError.self) { try await insert(1, database) }
        await #expect(throws: StoreError.self) { try await database.health() }
        #expect(start.duration(to: .now) < .seconds(15))
    }

    @Test("a login that may make roles gives the schema to knocknoc_owner, another keeps it")
    func owners() async throws {
        let server = try await PostgresServer.shared.value
        for (rights, owner) in [("createrole", "knocknoc_owner"), ("", "self")] {
            let login = "l\(UInt64.random(in: 0 ... .max))"
            try await server.sql("create role \(login) login \(rights)")
            let name = try await server.makeDatabase(owner: login)
            let database = try Fixture.open(server.url(name, user: login))
            try await Migrator(database, logger: Fixture.logger).migrate()
            let found = try await server.sql(
                "select distinct tableowner from pg_tables where schemaname = 'knocknoc'", database: name)
            #expect(found == (owner == "self" ? login : owner))
            // A new connection of the same login, and of one that joins later.
            let second = "m\(login)"
            try await server.sql("create role \(second) login in role \(found)")
            try await server.sql("alter role \(second) in database \(name) set role = \(found)")
            for user in [login, second] {
                let other = try Fixture.open(server.url(name, user: user))
                #expect(try await Migrator(other, logger: Fixture.logger).status().isUsable)
                try await other.write(Fixture.operation()) { transaction in
                    _ = try await transaction.run(Statement("update site set created_at = created_at"))
                }
                await other.close()
            }
            await database.close()
        }
    }
}
