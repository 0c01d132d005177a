import Lab

extension Machine {
    /// Asks this host's own Postgres, as its superuser.
    @discardableResult
    func sql(_ text: String, database: String = "postgres") async throws -> String {
        try await run(
            ["runuser", "-u", "postgres", "--", "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database],
            input: text
        ).text
    }

    /// Opens this host's database to other nodes.
    ///
    /// - Returns: the connection string, which is shown once.
    func exposeDatabase() async throws -> String {
        let said = try await run(["knocker", "exposedb", "--init", "--advertise", name]).text
        guard let string = said.split(separator: "\n").first(where: { $0.hasPrefix("postgres://") }) else {
            throw LabError("exposedb printed no connection string:\n\(said)")
        }
        return String(string)
    }
}
