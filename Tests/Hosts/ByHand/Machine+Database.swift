import Lab

/// The database as the installer and `knocker exposedb` leave it, made by hand.
extension Machine {
    /// Over the Unix socket, where the system's user is the proof.
    static let localDatabase = "postgres:///knocknoc?host=/var/run/postgresql"
    /// The login of the other nodes.
    static let nodesLogin = "knocknoc_nodes"

    @discardableResult
    func sql(_ text: String, database: String = "postgres") async throws -> String {
        try await run(
            ["runuser", "-u", "postgres", "--", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database],
            input: text
        ).text
    }

    /// A role that owns, a role that logs in as the service's user, and a database that nobody else reaches.
    func makeDatabase() async throws {
        try await sql(
            """
            create role knocknoc_owner nologin;
            create role knocknoc login in role knocknoc_owner;
            create database knocknoc owner knocknoc_owner encoding 'UTF8' template template0;
            revoke all on database knocknoc from public;
            alter role knocknoc in database knocknoc set role = 'knocknoc_owner';
            alter role knocknoc in database knocknoc set search_path = 'knocknoc';
            """)
    }

    /// Lets the nodes at these addresses in, over TLS only.
    ///
    /// - Returns: what they log in with.
    func exposeDatabase(to nodes: [String], password: String) async throws -> String {
        try await sql(
            """
            create role \(Self.nodesLogin) login password '\(password)' in role knocknoc_owner;
            alter role \(Self.nodesLogin) in database knocknoc set role = 'knocknoc_owner';
            alter role \(Self.nodesLogin) in database knocknoc set search_path = 'knocknoc';
            alter system set listen_addresses = '0.0.0.0';
            """)
        let lines = nodes.map { "hostssl knocknoc \(Self.nodesLogin) \($0)/32 scram-sha-256" }
        let file = try await sql("show hba_file;").split(separator: "\n").joined()
        try await shell(
            "printf '%s\\n' \"$LINES_TO_ADD\" >>\(file)", environment: ["LINES_TO_ADD": lines.joined(separator: "\n")])
        try await run(["systemctl", "restart", "postgresql"])
        return "postgres://\(Self.nodesLogin):\(password)@\(name):5432/knocknoc?sslmode=require&channel_binding=require"
    }
}
