import Foundation
import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocStore

/// Two real clusters, a primary and its standby.
@Suite(
    "a primary that moves", .timeLimit(.minutes(2)),
    .enabled(if: PostgresServer.isInstalled, "no PostgreSQL server is installed"))
struct FailoverTests {
    @Test("behind a two-host URL the same process goes on after a promotion, listener included")
    func promotion() async throws {
        let primary = try await PostgresServer(settings: ["wal_level": "replica", "max_wal_senders": "4"])
        let name = try await primary.makeDatabase()
        let standby = try await PostgresServer(following: primary)
        try await primary.sql("alter system set synchronous_standby_names = 'standby'")
        try await primary.sql("select pg_reload_conf()")
        let url = "postgres://postgres@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/\(name)"
        let (one, two) = (try Fixture.open(url), try Fixture.open(url))
        try await Migrator(one, logger: Fixture.logger).migrate()
        try await one.migrate { try await $0.execute(script: Fixture.probe(.postgres)) }
        try await Fixture.running(one) {
            try await Fixture.running(two) {
                try await insert(1, one)
                for side in [one, two] { while try await side.health().events != "live" { await Task.yield() } }
                #expect(try await one.health().durability == "sync")

                try await primary.stopAtOnce()
                let during = Task { try await insert(2, one) }
                let reading = Task { try await Fixture.count(two) }
                try await standby.promote()
                let start = ContinuousClock.now
                try await during.value
                #expect(try await reading.value >= 1)
                try await insert(3, two)
                #expect(start.duration(to: .now) < .seconds(15))
                try await Fixture.expect(3, in: one)

                for side in [one, two] { while try await live(side) == false { await Task.yield() } }
                let user = UserID.new(at: SystemTime.now())
                let events = two.events()
                one.announce(.users([user]))
                #expect(await Fixture.wait(events) { $0 == .users([user]) })
                #expect(one.estimatedNow().milliseconds(since: SystemTime.now()) < 2000)
            }
        }
    }

    @Test("an old primary that comes back beside the new one is left alone, also by a node that starts then")
    func twoPrimaries() async throws {
        let primary = try await PostgresServer(settings: ["wal_level": "replica", "max_wal_senders": "4"])
        let name = try await primary.makeDatabase()
        let first = try Fixture.open(primary.url(name))
        try await Migrator(first, logger: Fixture.logger).migrate()
        try await first.migrate { try await $0.execute(script: Fixture.probe(.postgres)) }
        await first.close()
        let standby = try await PostgresServer(following: primary)
        let url = "postgres://postgres@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/\(name)"
        let running = try Fixture.open(url)
        try await insert(1, running)
        while try await standby.sql("select count(*) from knocknoc.probe", database: name) != "1" {}
        try await primary.stopAtOnce()
        try await standby.promote()
        try await insert(2, running)
        try await primary.start()
        try await standby.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'knocknoc'")
        try await insert(3, running)
        // The new primary is slow to answer, the old one is not.
        let proxy = try FaultProxy(to: standby, .allHeld)
        defer { proxy.stop() }
        let starting = try Fixture.open(url.replacing(":\(standby.port)/", with: ":\(proxy.port)/"))
        let written = Latch()
        let writing = Task {
            try await insert(4, starting)
            written.set()
        }
        #expect(try await proxy.holding.wait(within: .seconds(60)))
        #expect(try await !written.wait(within: .milliseconds(600)))
        proxy.letThrough()
        try await writing.value
        #expect(try await standby.sql("select count(*) from knocknoc.probe", database: name) == "4")
        #expect(try await primary.sql("select count(*) from knocknoc.probe", database: name) == "1")
        for database in [running, starting] { await database.close() }
    }

    @Test("a wait for the synchronous standby that is given up is looked up, and the write is done once")
    func cancelledSyncWait() async throws {
        try await withMissingStandby { server, database, url in
            let attempts = Mutex(0)
            let writing = Task {
                try await database.write(Fixture.operation()) { transaction in
                    attempts.withLock { $0 += 1 }
                    _ = try await transaction.run(Statement("insert into probe (id) values (1)"))
                }
            }
            try await giveUpWaiting(server)
            // It is not acknowledged while nobody else has it.
            while try await server.sql("select count(*) \(Self.waiting)") == "0" {}
            try await server.sql("alter system reset synchronous_standby_names")
            try await server.sql("select pg_reload_conf()")
            try await writing.value
            #expect(attempts.withLock { $0 } == 2)
            try await Fixture.expect(1, in: database)
        }
    }

    @Test("a commit that never reached the synchronous standby is not acknowledged")
    func unknownOutcome() async throws {
        try await withMissingStandby { server, _, url in
            var options = PostgresOptions()
            options.statementDeadline = .milliseconds(500)
            options.patience = .seconds(2)
            let hasty = try PostgresDatabase(url: url, logger: Fixture.logger, options: options)
            let error = await #expect(throws: StoreError.self) { try await insert(1, hasty) }
            #expect(error?.code == .unknownOutcome)
            await hasty.close()
        }
    }

    private static let waiting = "from pg_stat_activity where wait_event = 'SyncRep'"

    private func giveUpWaiting(_ server: PostgresServer) async throws {
        while try await server.sql("select count(*) \(Self.waiting)") == "0" {}
        try await server.sql("select pg_cancel_backend(pid) \(Self.waiting)")
    }

    private func withMissingStandby(
        _ body: (PostgresServer, any DatabaseService, String) async throws -> Void
    ) async throws {
        let server = try await PostgresServer()
        let url = server.url(try await server.makeDatabase())
        let database = try Fixture.open(url)
        try await Migrator(database, logger: Fixture.logger).migrate()
        try await database.migrate { try await $0.execute(script: Fixture.probe(.postgres)) }
        try await server.sql("alter system set synchronous_standby_names = 'nobody'")
        try await server.sql("select pg_reload_conf()")
        while try await server.sql("show synchronous_standby_names") != "nobody" {}
        try await body(server, database, url)
        await database.close()
    }

    @Test("a database that is away at start is waited for")
    func awayAtStart() async throws {
        // The port of a server that is stopped is nobody's; it starts on it again.
        let server = try await PostgresServer()
        let name = try await server.makeDatabase()
        try await server.stopAtOnce()
        let database = try Fixture.open(server.url(name))
        try await Fixture.running(database) {
            let ready = Latch()
            let waiting = Task {
                try await database.waitUntilReachable()
                ready.set()
                try await Migrator(database, logger: Fixture.logger).migrate()
            }
            #expect(try await !ready.wait(within: .milliseconds(600)))
            // What a node lets its agents go by.
            #expect(database.silence() >= .milliseconds(600))
            try await server.start()
            #expect(try await ready.wait(within: .seconds(60)))
            try await waiting.value
            #expect(try await database.health().schema >= 1)
            #expect(database.silence() < .seconds(15))
        }
    }

    private func insert(_ id: Int, _ database: any Database) async throws {
        try await database.write(Fixture.operation()) { transaction in
            _ = try await transaction.run(Statement("insert into probe (id) values ($1)", id))
        }
    }

    private func live(_ database: any Database) async throws -> Bool {
        await (try? database.health())?.events == "live"
    }
}
