import FoundationEssentials
import KnocknocModel
import KnocknocSystem

/// A PostgreSQL cluster of this machine, asked and told as its superuser over its Unix socket, through `psql` in the
/// name of the user that it runs as: what peer authentication lets in.
public struct LocalCluster: Sendable {
    /// What the cluster says of itself.
    struct Facts: Decodable, Sendable {
        /// As in 150004.
        var versionNumber: Int
        /// As in "15.4 (Debian 15.4-1)".
        var version: String
        var dataDirectory: String
        var hbaFile: String
        var configFile: String
        var isStandby: Bool
        var isSuperuser: Bool
    }

    let socket: PostgresSocket
    /// The operating system's user that it runs as.
    let owner: UInt32
    /// The role that we act as.
    let superuser: String
    /// The database of the site; there may be others.
    public let database: String
    let facts: Facts

    public var port: Int { socket.port }
    public var majorVersion: Int { facts.versionNumber / 10000 }
    public var dataDirectory: String { facts.dataDirectory }
    public var isStandby: Bool { facts.isStandby }

    /// As messages name it: "PostgreSQL 15 on port 5432".
    public var name: String { "PostgreSQL \(majorVersion) on port \(port)" }

    init(_ socket: PostgresSocket, database: String) async throws {
        guard let owner = socket.owner else {
            throw SystemError(.missing, "no PostgreSQL listens at \(socket.path)")
        }
        var refusals: [String] = []
        // Debian's superuser is called as the system's user; a cluster made by hand often has "postgres".
        var names: [String] = []
        for name in [SystemUser.entry(of: owner)?.name, "postgres"].compactMap(\.self) where !names.contains(name) {
            names.append(name)
        }
        for superuser in names {
            let shell = Shell(socket: socket, owner: owner, user: superuser, database: database)
            do {
                let rows: [Facts] = try await shell.rows(Self.factsQuery)
                guard let facts = rows.first, facts.isSuperuser else {
                    refusals.append("\(superuser) is not a superuser")
                    continue
                }
                self.socket = socket
                self.owner = owner
                self.superuser = superuser
                self.database = database
                self.facts = facts
                return
            } catch let error as SystemError where error.code == .failed {
                refusals.append(error.message)
            }
        }
        throw SystemError(
            .failed,
            "the superuser of the cluster at \(socket.path) cannot be reached: "
                + refusals.joined(separator: "; "))
    }

    private static let factsQuery = """
        select current_setting('server_version_num')::int as "versionNumber",
            current_setting('server_version') as version,
            current_setting('data_directory') as "dataDirectory",
            current_setting('hba_file') as "hbaFile", current_setting('config_file') as "configFile",
            pg_is_in_recovery() as "isStandby",
            (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser"
        """

    private var shell: Shell { Shell(socket: socket, owner: owner, user: superuser, database: database) }

    /// Runs SQL, each statement by itself unless it says `begin`. A signal cancels the statement that runs. No commit waits
    /// for a standby unless the SQL sets `synchronous_commit` itself: with one that is away it would wait for ever, and what
    /// a command takes back would stay.
    ///
    /// - Throws: ``SystemError`` `failed` with Postgres' own words.
    @discardableResult
    public func run(_ sql: String) async throws -> String { try await shell.run(sql) }

    /// The rows of one query, each column by its name.
    public func rows<Row: Decodable>(_ query: String, as type: Row.Type = Row.self) async throws -> [Row] {
        try await shell.rows(query)
    }

    /// `psql` with everything that it needs but the SQL.
    private struct Shell {
        var socket: PostgresSocket
        var owner: UInt32
        var user: String
        var database: String

        /// Waits as long for the server as `knocker` does elsewhere: a machine under load is no reason to undo a change.
        func run(_ sql: String) async throws -> String {
            let place = [
                ("host", socket.folder), ("port", "\(socket.port)"), ("user", user), ("dbname", database),
                ("application_name", "knocker"), ("connect_timeout", "15"),
            ]
            let quoted = place.map { key, value in
                "\(key)='\(value.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'"
            }
            let command =
                try SystemUser.prefix(for: owner)
                + ["psql", "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-d", quoted.joined(separator: " ")]
            let preamble = "set client_min_messages = warning; set standard_conforming_strings = on;\n"
            let output = try await Command.run(
                command, input: preamble + sql + "\n",
                environment: ["HOME": "/", "PGCLIENTENCODING": "UTF8", "PGOPTIONS": "-c synchronous_commit=local"],
                isInterruptible: true)
            guard output.succeeded else { throw SystemError(.failed, Self.complaint(output)) }
            return output.text
        }

        func rows<Row: Decodable>(_ query: String) async throws -> [Row] {
            let text = try await run("select coalesce(json_agg(q), '[]') from (\(query)) q;")
            do { return try JSONText.decode([Row].self, from: text.utf8) } catch {
                throw SystemError(.failed, "PostgreSQL's answer cannot be read: \(error)")
            }
        }

        /// The server's own words, without psql's place in front of them.
        private static func complaint(_ output: Command.Output) -> String {
            let lines = output.errors.split(separator: "\n").map { line in
                let marks = ["ERROR:  ", "FATAL:  ", "error: "].compactMap { line.firstRange(of: $0)?.upperBound }
                return String(line.suffix(from: marks.max() ?? line.startIndex))
            }
            return lines.isEmpty ? output.complaint : lines.prefix(4).joined(separator: "; ")
        }
    }
}
