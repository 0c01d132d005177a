import KnocknocModel
import Testing

@testable import KnocknocStore

/// A Postgres that lets its logins in over TLS with SCRAM only, as `exposedb` sets it up.
@Suite(
    "Postgres over TLS with SCRAM", .timeLimit(.minutes(2)),
    .enabled(if: PostgresServer.isInstalled, "no PostgreSQL server is installed"))
struct PostgresTLSTests {
    private static let password = "s3cret@:/%"
    private static let name = "db.knocknoc.test"

    private static let server = Task {
        let server = try await PostgresServer(settings: ["ssl": "on"]) { directory in
            try await Command.run(
                "sh",
                [
                    "-ec",
                    """
                    cd \(directory)
                    make() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "$@"; }
                    make -subj /CN=authority -keyout ca.key -out ca.crt
                    make -subj /CN=stranger -keyout other.key -out other.crt
                    make -subj /CN=\(name) -addext subjectAltName=DNS:\(name),DNS:localhost \\
                        -CA ca.crt -CAkey ca.key -keyout data/server.key -out data/server.crt
                    cat >data/pg_hba.conf <<'END'
                    host all postgres 127.0.0.1/32 trust
                    hostssl all certain 127.0.0.1/32 scram-sha-256
                    hostssl all trusted 127.0.0.1/32 trust
                    END
                    """,
                ])
        }
        try await server.sql("create role certain superuser login password '\(password)'")
        try await server.sql("create role trusted login")
        return server
    }

    /// `postgres://…` for the tests' login, with `HOST`, `PORT` and `DIR` in `form` filled in.
    private func url(_ server: PostgresServer, _ form: String, database: String = "postgres") -> String {
        "postgres://"
            + form.replacing("LOGIN", with: "certain:s3cret%40%3A%2F%25").replacing("DB", with: database)
            .replacing("PORT", with: "\(server.port)").replacing("DIR", with: server.directory)
    }

    @Test(
        "a login is let in, writes and hears events",
        arguments: [
            "LOGIN@127.0.0.1:PORT/DB?sslmode=require",
            // What exposedb prints.
            "LOGIN@127.0.0.1:PORT/DB?sslmode=require&channel_binding=require",
            "LOGIN@localhost:PORT/DB?sslmode=verify-full&sslrootcert=DIR/ca.crt",
            // The address says where, the name says who; nobody is at the first.
            "LOGIN@away.knocknoc.test:1,db.knocknoc.test:PORT/DB?hostaddr=127.0.0.1,127.0.0.1&sslmode=verify-full"
                + "&sslrootcert=DIR/ca.crt",
        ])
    func accepted(_ form: String) async throws {
        let server = try await Self.server.value
        let database = try Fixture.open(url(server, form, database: try await server.makeDatabase()))
        try await Migrator(database, logger: Fixture.logger).migrate()
        try await Fixture.running(database) {
            try await database.write(Fixture.operation()) { transaction in
                let encrypted = try await transaction.run(
                    Statement("select ssl from pg_stat_ssl where pid = pg_backend_pid()"))[0].bool("ssl")
                #expect(encrypted)
                _ = try await transaction.run(Statement("update site set created_at = created_at"))
            }
            while try await database.health().events != "live" { await Task.yield() }
        }
    }

    @Test(
        "what is wrong is said, and the password is not",
        arguments: [
            ("certain:wr0ng@127.0.0.1:PORT/DB", "password authentication failed"),
            ("certain:wr0ng@127.0.0.1:PORT/DB", "28P01"),
            ("certain@127.0.0.1:PORT/DB", "no password supplied"),
            ("LOGIN@127.0.0.1:PORT/DB?sslmode=disable", "no encryption"),
            ("LOGIN@127.0.0.1:PORT/DB?sslmode=disable", "28000"),
            ("LOGIN@nobody.invalid:PORT/DB", "nobody.invalid"),
            ("LOGIN@localhost:PORT/DB?sslmode=verify-full&sslrootcert=DIR/other.crt", "certificate verify failed"),
            ("LOGIN@localhost:PORT/DB?sslmode=verify-full&sslrootcert=DIR/none.crt", "does not exist"),
            // Signed by the right authority, for another name.
            (
                "LOGIN@other.knocknoc.test:PORT/DB?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=DIR/ca.crt",
                "other.knocknoc.test"
            ),
            // Whoever lets us in without proof may be anybody.
            ("trusted@127.0.0.1:PORT/DB?sslmode=require&channel_binding=require", "channel binding required"),
            ("LOGIN@127.0.0.1:PORT/no_such_database", "no_such_database"),
        ])
    func refused(_ form: String, _ reason: String) async throws {
        let error = await error(url(try await Self.server.value, form))
        #expect(error?.code == .unavailable)
        let said = "\(error?.message ?? "let in") (\(error?.sqlState ?? "no SQLSTATE"))"
        #expect(said.contains(reason), "\(said)")
        #expect(!said.contains("LOCATION"))
        #expect(error?.message.contains("s3cret") == false && error?.message.contains("wr0ng") == false)
    }

    @Test("a server without TLS is not spoken to where TLS is required")
    func plain() async throws {
        let server = try await PostgresServer.shared.value
        let error = await error(server.url("postgres") + "?sslmode=require")
        #expect(error?.message.contains("SSL") == true, "\(error?.message ?? "let in")")
    }

    private func error(_ url: String) async -> StoreError? {
        var options = PostgresOptions()
        options.patience = .milliseconds(100)
        options.connectTimeout = .seconds(20)
        return await #expect(throws: StoreError.self) {
            let database = try PostgresDatabase(url: url, logger: Fixture.logger, options: options)
            _ = try await database.run(Statement("select 1 as one"))
        }
    }
}
