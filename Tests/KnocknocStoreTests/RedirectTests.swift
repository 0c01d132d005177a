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

    @Test("to another cluster, whose timelines have nothing to do with those before")
    func otherCluster() async throws {
        let (old, new) = (try await PostgresServer.shared.value, try await PostgresServer())
        let connector = try Self.connector(old)
        let begun = connector.generation
        let before = try await connector.connect(until: .now + .seconds(60))
        // What a pair that has failed over four times says, and what is answered when that is nobody's question any more.
        connector.note(5, asked: begun)
        connector.redirect(to: try Self.targets(new))
        connector.note(6, asked: begun)
        let after = try await connector.connect(until: .now + .seconds(60))
        #expect(after.server != before.server && after.isUsable)
        #expect(!before.isUsable, "what is under way at an abandoned server ends")
        connector.closeAll()
    }

    @Test("a connection that was begun before and answers late is not handed out, and closes no good one")
    func late() async throws {
        let (old, new) = (try await PostgresServer.shared.value, try await PostgresServer())
        let proxy = try FaultProxy(to: old, .held)
        defer { proxy.stop() }
        var options = PostgresOptions()
        options.connectTimeout = .seconds(60)
        let connector = try PostgresConnector(
            dsn: "postgres://postgres@127.0.0.1:\(proxy.port)/postgres", options: options, logger: Fixture.logger)
        let waiting = Task { try await connector.connect(until: .now + .seconds(90)) }
        #expect(try await proxy.holding.wait(within: .seconds(60)))
        connector.redirect(to: try Self.targets(new))
        let good = try await connector.connect(until: .now + .seconds(60))
        let generation = connector.generation
        proxy.letThrough()
        let late = try await waiting.value
        #expect(late.server == good.server && late.generation == generation)
        #expect(good.isUsable && connector.generation == generation)
        connector.closeAll()
    }

    private static func targets(_ server: PostgresServer) throws -> [PostgresTarget] {
        try PostgresTarget.parse(
            "postgres://postgres@127.0.0.1:\(server.port),localhost:\(server.port)/postgres")
    }

    private static func connector(_ server: PostgresServer) throws -> PostgresConnector {
        var options = PostgresOptions()
        options.connectTimeout = .seconds(10)
        return try PostgresConnector(
            dsn: "postgres://postgres@127.0.0.1:\(server.port),localhost:\(server.port)/postgres", options: options,
            logger: Fixture.logger)
    }

    @Test("a copy that lacks the last line of the audit is not the site's, nor is one of another epoch")
    func copies() async throws {
        let server = try await PostgresServer.shared.value
        let name = try await server.makeDatabase()
        let database = try Fixture.open(server.url(name))
        try await Migrator(database, logger: Fixture.logger).migrate()
        try await audit(database)
        let copy = "\(name)_copy"
        try await server.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '\(name)'")
        try await server.sql("create database \(copy) template \(name)")
        let before = try await SiteHistory.of(database)
        try await audit(database)
        let seen = try await SiteHistory.of(database)
        for history in [before, seen] { try await SiteHistory.find(at: server.url(name), goingOnFrom: history) }
        try await SiteHistory.find(at: server.url(copy), goingOnFrom: before)
        try await refuses(server.url(copy), seen, "it lacks what this node has seen")
        // A staging site goes on from its copy; that makes up for nothing.
        let staging = try Fixture.open(server.url(copy))
        for _ in 1...3 { try await audit(staging) }
        await staging.close()
        try await refuses(server.url(copy), seen, "it lacks what this node has seen")
        try await server.sql("update knocknoc.site set epoch = 'another'", database: name)
        try await refuses(server.url(name), seen, "its epoch is another")
        await database.close()
    }

    private func refuses(_ url: String, _ seen: SiteHistory, _ words: String) async throws {
        let error = await #expect(throws: StoreError.self) { try await SiteHistory.find(at: url, goingOnFrom: seen) }
        #expect(error?.code == .configuration && error?.message.contains(words) == true)
        #expect(error?.message.contains("knocker end-sessions") == true)
    }

    private func audit(_ database: any Database) async throws {
        let now = SystemTime.now()
        let event = AuditTable.Event(
            actorKind: "cli", actorID: nil, actorName: nil, action: "grant.end", subjectKind: nil, subjectID: nil,
            subjectName: nil, address: nil, requestID: nil, details: "{}")
        try await database.write(Fixture.operation()) { transaction in
            _ = try await transaction.run(AuditTable.insert(.new(at: now), at: now, node: "test", event))
        }
    }

    @Test("by another login it is the same site; another database is another one, or none")
    func identity() async throws {
        let server = try await PostgresServer.shared.value
        let names = [try await server.makeDatabase(), try await server.makeDatabase(), try await server.makeDatabase()]
        for name in names.dropLast() {
            let database = try Fixture.open(server.url(name))
            try await Migrator(database, logger: Fixture.logger).migrate()
            await database.close()
        }
        let first = try Fixture.open(server.url(names[0]))
        let site = try await SiteHistory.of(first)
        await first.close()
        try await SiteHistory.find(at: server.url(names[0]) + "?application_name=else", goingOnFrom: site)
        try await SiteHistory.find(at: server.url(names[1]), goingOnFrom: nil)
        let other = await #expect(throws: StoreError.self) {
            try await SiteHistory.find(at: server.url(names[1]), goingOnFrom: site)
        }
        #expect(other?.code == .configuration && other?.message.contains("another site's") == true)
        let none = await #expect(throws: StoreError.self) {
            try await SiteHistory.find(at: server.url(names[2]), goingOnFrom: nil)
        }
        #expect(none?.code == .missing)
        let nobody = await #expect(throws: StoreError.self) {
            try await SiteHistory.find(at: server.url(names[0], user: "nobody_of_that_name"), goingOnFrom: site)
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
