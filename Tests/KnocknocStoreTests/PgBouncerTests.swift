import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocStore

/// A real pooler between a node and its Postgres; the conformance suite runs behind it as well.
@Suite("behind a pooler", .timeLimit(.minutes(2)), .enabled(if: PgBouncer.isInstalled, "PgBouncer is not installed"))
struct PgBouncerTests {
    private func insert(_ id: Int, _ database: any Database) async throws {
        try await database.write(Fixture.operation()) { transaction in
            _ = try await transaction.run(Statement("insert into probe (id) values ($1)", id))
        }
    }

    /// A second node on the database of the first, over `url`.
    ///
    /// - Parameter proofTimeout: longer than any pause of a busy computer, but where listening is to fail.
    private func node(
        _ url: String, listenURL: String? = nil, proofTimeout: Duration = .seconds(30),
        _ body: (PostgresDatabase) async throws -> Void
    ) async throws {
        var options = PostgresOptions()
        options.listenURL = listenURL
        options.proofTimeout = proofTimeout
        options.connectTimeout = .seconds(10)
        options.patience = .seconds(30)
        options.serviceTimeout = .seconds(30)
        let database = try PostgresDatabase(url: url, logger: Fixture.logger, options: options)
        try await Fixture.running(database) { try await body(database) }
    }

    private func untilLive(_ database: any Database) async throws {
        while try await database.health().events != "live" { await Task.yield() }
    }

    @Test("in transaction mode nothing is prepared, nothing of ours stays in a session, and events come by polling")
    func transactionMode() async throws {
        try await Fixture.with(.pooled) { _, url in
            try await node(url, proofTimeout: .milliseconds(200)) { database in
                for id in 1...3 { try await insert(id, database) }
                for _ in 1...3 { try await Fixture.expect(3, in: database) }
                let name = url.split(separator: "/").last ?? ""
                let (pooler, server) = (try await PgBouncer.shared.value, try await PostgresServer.shared.value)
                // The sessions that are somebody else's next, as anybody sees them.
                for (question, answer) in [
                    ("select count(*) from pg_prepared_statements", "0"), ("show search_path", #""$user", public"#),
                    ("show statement_timeout", "0"),
                ] {
                    #expect(try await PostgresServer.ask(pooler.url(String(name)), question) == answer)
                }
                let limits = try await database.run(
                    Statement("select current_setting('statement_timeout') as limit"))
                #expect(try limits[0].text("limit") == "4s")
                var patient = PostgresOptions()
                patient.wait(.seconds(60))
                for (url, isPooled) in [(url, true), (server.url(String(name)), false)] {
                    let other = try PostgresDatabase(url: url, logger: Fixture.logger, options: patient)
                    let limits = try await other.run(Statement("select current_setting('statement_timeout') as limit"))
                    #expect(try limits[0].text("limit") == "48s", "\(isPooled ? "pooled" : "its own session")")
                    await other.close()
                }
                // LISTEN was tried by then, and did not prove itself.
                let start = ContinuousClock.now
                var asked = 0
                for await event in database.events() where event == .everything {
                    asked += 1
                    if asked == 5 { break }
                }
                #expect(start.duration(to: .now) > .milliseconds(700))
                #expect(try await database.health().events == "polling")
            }
        }
    }

    @Test("with ListenURL, past the pooler, events are live")
    func listenURL() async throws {
        try await Fixture.with(.pooled) { _, url in
            let name = url.split(separator: "/").last ?? ""
            let direct = try await PostgresServer.shared.value.url(String(name))
            try await node(url, listenURL: direct) { one in
                try await node(url, listenURL: direct) { other in
                    for side in [one, other] { try await untilLive(side) }
                    let user = UserID.new(at: SystemTime.now())
                    let events = other.events()
                    one.announce(.users([user]))
                    #expect(await Fixture.wait(events) { $0 == .users([user]) })
                }
            }
        }
    }

    @Test("a ListenURL that comes later makes events live at once")
    func laterListenURL() async throws {
        try await Fixture.with(.pooled) { _, url in
            let name = url.split(separator: "/").last ?? ""
            let direct = try await PostgresServer.shared.value.url(String(name))
            try await node(url) { database in
                // LISTEN was tried by then, and given up for a minute.
                var asked = 0
                for await event in database.events() where event == .everything {
                    asked += 1
                    if asked == 8 { break }
                }
                try database.redirect(to: url, listenURL: direct)
                let start = ContinuousClock.now
                try await untilLive(database)
                #expect(start.duration(to: .now) < .seconds(30))
            }
        }
    }

    @Test("a pooler that hands out sessions carries LISTEN")
    func sessionMode() async throws {
        try await Fixture.with(.pooled) { other, url in
            let name = url.split(separator: "/").last ?? ""
            let session = try await PgBouncer.shared.value.url(String(name), user: PgBouncer.sessionUser)
            try await node(session) { database in
                try await untilLive(database)
                try await insert(1, database)
                let user = UserID.new(at: SystemTime.now())
                let events = database.events()
                other.announce(.users([user]))
                #expect(await Fixture.wait(events) { $0 == .users([user]) })
            }
        }
    }

    @Test("the pooler is killed and started again in the middle of a write: the write is done exactly once")
    func killed() async throws {
        try await Fixture.with(.postgres) { direct, url in
            let name = url.split(separator: "/").last ?? ""
            let pooler = try await PgBouncer(before: try await PostgresServer.shared.value)
            try await node(pooler.url(String(name))) { database in
                let attempts = Mutex(0)
                try await database.write(Fixture.operation()) { transaction in
                    _ = try await transaction.run(Statement("insert into probe (id) values (1)"))
                    let isFirst = attempts.withLock { count in
                        count += 1
                        return count == 1
                    }
                    if isFirst { try await pooler.restart() }
                    _ = try await transaction.run(Statement("update probe set amount = 1 where id = 1"))
                }
                #expect(attempts.withLock { $0 } == 2)
            }
            try await Fixture.expect(1, in: direct)
        }
    }

    @Test("a ListenURL that cannot be used is refused by its name and without its password")
    func wrongListenURL() throws {
        for url in ["sqlite:///var/k.db", "postgres://u:s3cret@h/d?nonsense=1", "nonsense"] {
            var options = PostgresOptions()
            options.listenURL = url
            let error = #expect(throws: StoreError.self) {
                try PostgresDatabase(url: "postgres://u@h/d", logger: Fixture.logger, options: options)
            }
            #expect(error?.code == .configuration && error?.message.hasPrefix("ListenURL") == true, "\(url)")
            #expect(error?.message.contains("s3cret") == false)
        }
    }
}
