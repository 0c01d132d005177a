import Foundation
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

    /// Whether the Postgres here answers and takes writes.
    func isPrimary() async throws -> Bool {
        let answer = try await attempt([
            "runuser", "-u", "postgres", "--", "psql", "-XqAt", "-d", "postgres", "-c",
            "select not pg_is_in_recovery()",
        ])
        return answer.line == "t"
    }

    /// When the Postgres here became primary, on ``Clock``: it writes its timeline's history just before it takes writes.
    func promoted() async throws -> Double {
        let timeline = try await sql("select left(pg_walfile_name(pg_current_wal_lsn()), 8);").prefix(8)
        let told = try await shell(
            "stat -c %.6Y /var/lib/postgresql/$(ls /usr/lib/postgresql)/main/pg_wal/\(timeline).history")
        guard let time = Double(told.prefix { !$0.isNewline }) else { throw LabError("\(name): no time in \(told)") }
        return time - Date().timeIntervalSince1970 + Clock.now
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
