import Foundation
import Lab

// A host that plays a database as a service: what its operator does, who is its superuser, and what the site's
// administrator does there, who is not.
extension Machine {
    private static let operatorsPassword = "Operat0r"

    /// Postgres that takes TLS alone, an administrator who may make roles and databases, what docs/installation.md has them
    /// type, and a pooler in transaction mode.
    func manageDatabase() async throws {
        try await apt("postgresql", "pgbouncer")
        let version = try await run(["ls", "/etc/postgresql"]).line
        try await write(
            """
            local all postgres peer
            hostssl all all 0.0.0.0/0 scram-sha-256
            hostssl all all ::/0 scram-sha-256

            """, to: "/etc/postgresql/\(version)/main/pg_hba.conf", mode: "640", owner: "postgres:postgres")
        try await sql(
            """
            alter system set listen_addresses = '*';
            alter system set password_encryption = 'scram-sha-256';
            """)
        try await run(["systemctl", "restart", "postgresql@\(version)-main.service"])
        try await sql(
            """
            create role service_admin login createrole createdb password '\(Self.operatorsPassword)';
            create database shop;
            """)
        try await sql("create table orders (id bigint);", database: "shop")
        let page = try Page("installation.md").blocks("sql managed").joined()
        try await sqlAsAdministrator(page.replacing("PASSWORD", with: ManagedLogin(host: name).password))
        try await pool(version)
    }

    private func pool(_ version: String) async throws {
        let page = try Page("installation.md").blocks("ini pooler").joined()
        try await write(
            page.replacing("192.0.2.20", with: "127.0.0.1"), to: "/etc/pgbouncer/pgbouncer.ini", mode: "640",
            owner: "postgres:postgres")
        try await shell(
            """
            cd /etc/pgbouncer
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$(hostname)" -keyout pooler.key -out pooler.crt 2>/dev/null
            chown postgres: pooler.key pooler.crt
            """)
        try await tellPooler()
        try await run(["systemctl", "restart", "pgbouncer.service"])
    }

    /// Gives the pooler the verifier that Postgres has of the login's password.
    private func tellPooler() async throws {
        let users = try await sql(
            #"select format('"%s" "%s"', rolname, rolpassword) from pg_authid where rolname = 'knocknoc';"#)
        try await write(users, to: "/etc/pgbouncer/userlist.txt", mode: "640", owner: "postgres:postgres")
    }

    /// What the service does with a new password; sessions that are open stay.
    func changePassword(to password: String) async throws {
        try await sqlAsAdministrator("alter role knocknoc password '\(password)';")
        try await tellPooler()
        try await run(["systemctl", "reload", "pgbouncer.service"])
    }

    /// Ends all sessions of the nodes, at the pooler and at Postgres.
    func endSessions() async throws {
        try await run(["systemctl", "restart", "pgbouncer.service"])
        try await sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'knocknoc';")
    }

    /// Which migrations were applied, and when.
    func migrations() async throws -> String {
        try await sql("select version, applied_at from knocknoc.schema_migrations order by 1;", database: "knocknoc")
    }

    private func sqlAsAdministrator(_ text: String) async throws {
        try await run(
            [
                "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
                "host=127.0.0.1 user=service_admin dbname=postgres sslmode=require",
            ], input: text, environment: ["PGPASSWORD": Self.operatorsPassword])
    }

    /// SQL as the nodes' login, over TLS unless told otherwise.
    func attempt(_ sql: String, as login: ManagedLogin, _ more: String = "sslmode=require") async throws
        -> Shell.Result
    {
        try await attempt(
            [
                "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d",
                "host=\(login.host) user=knocknoc dbname=knocknoc \(more)", "-c", sql,
            ], environment: ["PGPASSWORD": login.password])
    }
}

extension Machine {
    func untilHealth(within limit: Double = 90, _ matches: (JSON) -> Bool) async throws {
        let end = Clock.now + limit
        var seen = JSON.null
        while Clock.now < end {
            seen = try await health()
            if matches(seen) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw LabError("\(name) does not become what it should: \(seen)")
    }

    /// Waits until the node's journal has these words.
    func untilLogged(_ words: String, within limit: Double = 90) async throws {
        let end = Clock.now + limit
        while Clock.now < end {
            if try await attempt(["journalctl", "-q", "-u", "knocknoc.service"]).text.contains(words) { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw LabError("\(name) never logged \"\(words)\"")
    }

    /// Changes lines of the configuration, as somebody with an editor does, and has the server read it.
    func configure(_ settings: [String: String]) async throws {
        let path = "/opt/knocknoc/etc/knocknoc.conf"
        let lines = try await read(path).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let kept = lines.filter { line in !settings.keys.contains { line.hasPrefix("\($0) =") } }
        let new = settings.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }
        try await write(
            (kept + new).joined(separator: "\n") + "\n", to: path, mode: "640", owner: "root:knocknoc")
        try await run(["systemctl", "reload", "knocknoc"])
    }

    /// The server's process.
    func server() async throws -> String {
        try await run(["systemctl", "show", "-P", "MainPID", "knocknoc.service"]).line
    }
}
