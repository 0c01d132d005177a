import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocStore

/// Another login, password or host for the same database while a node works.
@Suite(
    "a DatabaseURL that changes", .timeLimit(.minutes(2)),
    .enabled(if: PostgresServer.isInstalled, "no PostgreSQL server is installed"))
struct RedirectTests {
    @Test("work goes on by the new login, what is under way ends by the old one, and nothing of that stays")
    func redirected() async throws {
        let server = try await PostgresServer.shared.value
        let logins = ["old", "new"].map { "\($0)_\(UInt32.random(in: 0 ... .max))" }
        for login in logins { try await server.sql("create role \(login) superuser login") }
        let name = try await server.makeDatabase()
        let database = try Fixture.open(server.url(name, user: logins[0]))
        try await Migrator(database, logger: Fixture.logger).migrate()
        try await database.migrate { try await $0.execute(script: Fixture.probe(.postgres)) }
        try await Fixture.running(database) {
            while try await database.health().events != "live" { await Task.yield() }
            #expect(try await count(logins[0], on: server) > 0)
            let attempts = Mutex(0)
            let events = database.events()
            try await database.write(Fixture.operation()) { transaction in
                attempts.withLock { $0 += 1 }
                _ = try await transaction.run(Statement("insert into probe (id) values (1)"))
                try database.redirect(to: server.url(name, user: logins[1]), listenURL: nil)
                let login = try await transaction.run(Statement("select session_user::text as login"))
                #expect(try login[0].text("login") == logins[0])
                _ = try await transaction.run(Statement("update probe set amount = 1 where id = 1"))
            }
            #expect(attempts.withLock { $0 } == 1)
            #expect(await Fixture.wait(events) { $0 == .reconnected })
            let login = try await database.run(Statement("select session_user::text as login"))
            #expect(try login[0].text("login") == logins[1])
            try await Fixture.expect(1, in: database)
            while try await count(logins[0], on: server) > 0 { await Task.yield() }
            while try await database.health().events != "live" { await Task.yield() }
        }
    }

    @Test("a node whose login is refused is not healthy while a transaction finds no connection, though others go on")
    func starving() async throws {
        let server = try await PostgresServer.shared.value
        let login = "let_in_\(UInt32.random(in: 0 ... .max))"
        try await server.sql("create role \(login) superuser login")
        let url = server.url(try await server.makeDatabase(), user: login)
        try await Migrator(try Fixture.open(url), logger: Fixture.logger).migrate()
        var options = PostgresOptions()
        options.patience = .milliseconds(300)
        let database = try PostgresDatabase(url: url, logger: Fixture.logger, options: options)
        try await Fixture.running(database) {
            while (try? await database.health()) == nil { await Task.yield() }
            try await database.snapshot { transaction in
                // From here on what is there goes on, and nothing is added.
                _ = try await transaction.run(Statement("select 1 as one"))
                try await server.sql("alter role \(login) nologin")
                #expect(try await database.health().schema > 0)
                await #expect(throws: StoreError.self) {
                    try await database.snapshot { _ = try await $0.run(Statement("select 1 as one")) }
                }
                await #expect(throws: StoreError.self) { try await database.health() }
                _ = try await transaction.run(Statement("select 1 as one"))
            }
            #expect(try await database.health().schema > 0)
        }
    }

    @Test("by another login and after a renewal it is the same site; another database is another one, or none")
    func identity() async throws {
        let server = try await PostgresServer.shared.value
        let names = [try await server.makeDatabase(), try await server.makeDatabase(), try await server.makeDatabase()]
        for name in names.dropLast() {
            let database = try Fixture.open(server.url(name))
            try await Migrator(database, logger: Fixture.logger).migrate()
            await database.close()
        }
        let site = try await SiteIdentity.find(at: server.url(names[0]))
        try await server.sql("update knocknoc.site set epoch = 'another'", database: names[0])
        #expect(try await SiteIdentity.find(at: server.url(names[0]) + "?application_name=else") == site)
        #expect(try await SiteIdentity.find(at: server.url(names[1])) != site)
        let none = await #expect(throws: StoreError.self) { try await SiteIdentity.find(at: server.url(names[2])) }
        #expect(none?.code == .missing)
        let nobody = await #expect(throws: StoreError.self) {
            try await SiteIdentity.find(at: server.url(names[0], user: "nobody_of_that_name"))
        }
        #expect(nobody?.code == .unavailable)
    }

    @Test("what cannot be right changes nothing")
    func refused() async throws {
        try await Fixture.with(.postgres) { database, url in
            for (wrong, listenURL) in [
                ("postgres://u:s3cret@h/d?nonsense=1", nil), ("sqlite:///var/k.db", nil), (url, "nonsense"),
            ] {
                let error = #expect(throws: StoreError.self) { try database.redirect(to: wrong, listenURL: listenURL) }
                #expect(error?.code == .configuration && error?.message.contains("s3cret") == false)
            }
            try await Fixture.expect(0, in: database)
        }
    }

    private func count(_ login: String, on server: PostgresServer) async throws -> Int {
        let text = try await server.sql("select count(*) from pg_stat_activity where usename = '\(login)'")
        return Int(text) ?? -1
    }
}
