import Foundation

/// A real PgBouncer before the tests' Postgres, in transaction mode, and in session mode for one login. It ends, and its
/// files go, when the process ends in whatever way.
final class PgBouncer: Sendable {
    /// The login whose connections keep their session.
    static let sessionUser = "pooled_by_session"

    let port: Int
    private let process: Supervised

    static let isInstalled: Bool = {
        let isThere = FileManager.default.isExecutableFile(atPath: program)
        if PostgresServer.isInstalled, !isThere {
            print("SKIPPED: tests behind a pooler, because PgBouncer is not installed")
        }
        return PostgresServer.isInstalled && isThere
    }()

    /// One for all tests that do not stop it.
    static let shared = Task { try await PgBouncer(before: try await PostgresServer.shared.value) }

    private static let program = "/usr/sbin/pgbouncer"

    init(before server: PostgresServer) async throws {
        // Two of them may be made at once.
        try await server.sql(
            """
            do $$ begin create role \(Self.sessionUser) superuser login;
            exception when duplicate_object or unique_violation then null; end $$
            """)
        port = try FreePort.find()
        let directory = try await Command.run("mktemp", ["-d", "/var/tmp/knocknoc-pgb-XXXXXX"]).trimmingCharacters(
            in: .whitespacesAndNewlines)
        // Idle connections go soon: every test has a database of its own.
        let script = """
            cat >\(directory)/users <<'END'
            "postgres" ""
            "\(Self.sessionUser)" ""
            END
            cat >\(directory)/ini <<'END'
            [databases]
            * = host=127.0.0.1 port=\(server.port)
            [users]
            \(Self.sessionUser) = pool_mode=session
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = trust
            auth_file = \(directory)/users
            pool_mode = transaction
            default_pool_size = 5
            max_client_conn = 1000
            server_idle_timeout = 1
            END
            while read line; do
                [ -z "$pid" ] || { kill -KILL $pid; wait $pid; }
                \(Self.program) -q \(directory)/ini </dev/null >/dev/null 2>\(directory)/log & pid=$!
                echo ready
            done
            kill -KILL $pid
            rm -rf \(directory)
            """
        process = try Supervised(script)
        try await restart()
    }

    func url(_ database: String, user: String = "postgres") -> String {
        "postgres://\(user)@127.0.0.1:\(port)/\(database)"
    }

    /// Kills it where it runs, and starts it anew; the driver under test waits until it listens.
    func restart() async throws { try await process.start("PgBouncer") }
}
