import Foundation
import KnocknocModel
import Logging
import Testing

@testable import KnocknocStore

/// A real Postgres of this test process; it stops, and its files go, when the process ends in whatever way.
final class PostgresServer: Sendable {
    let directory: String
    let port: Int
    private let process: Supervised

    /// Where Debian or the PATH has Postgres' programs; nil where it is not installed.
    static let programs: String? = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.compactMap(Int.init).max()
        return newest.map { "\(root)/\($0)/bin" }
    }()

    static let isInstalled: Bool = {
        if programs == nil { print("SKIPPED: tests against Postgres, because no PostgreSQL server is installed") }
        return programs != nil
    }()

    /// One for all tests that do not stop it.
    static let shared = Task { try await PostgresServer() }

    /// - Parameter prepare: puts files into the server's directory before the first start.
    convenience init(
        settings: [String: String] = [:], prepare: (_ directory: String) async throws -> Void = { _ in }
    ) async throws {
        let directory = try await Self.makeDirectory()
        try await Command.run(
            Self.program("initdb"),
            ["-D", directory + "/data", "-A", "trust", "-U", "postgres", "--no-sync", "--locale=C", "-E", "UTF8"])
        try await prepare(directory)
        try await self.init(starting: directory, settings)
    }

    /// A standby that streams from `primary`.
    convenience init(following primary: PostgresServer, settings: [String: String] = [:]) async throws {
        let directory = try await Self.makeDirectory()
        try await Command.run(
            Self.program("pg_basebackup"),
            [
                "-D", directory + "/data", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d",
                "host=127.0.0.1 port=\(primary.port) user=postgres application_name=standby",
            ])
        try await self.init(starting: directory, settings)
    }

    private init(starting directory: String, _ settings: [String: String]) async throws {
        let port = try FreePort.find()
        self.directory = directory
        self.port = port
        let all = [
            "port": "\(port)", "listen_addresses": "127.0.0.1", "unix_socket_directories": directory, "fsync": "off",
            "max_connections": "200",
        ].merging(settings) { _, given in given }
        let options = all.map { "-c \($0.key)='\($0.value)'" }.sorted().joined(separator: " ")
        let control = Self.program("pg_ctl")
        let script = """
            while read line; do
                \(control) -D \(directory)/data -s -w -l \(directory)/log -o "\(options)" start || exit 1
                echo ready
            done
            \(control) -D \(directory)/data -s -m immediate stop
            rm -rf \(directory)
            """
        process = try Supervised(script)
        try await start()
    }

    private static func program(_ name: String) -> String { (programs ?? "") + "/" + name }

    private static func makeDirectory() async throws -> String {
        try await Command.run("mktemp", ["-d", "/var/tmp/knocknoc-pg-XXXXXX"]).trimmingCharacters(
            in: .whitespacesAndNewlines)
    }

    func url(_ database: String, user: String = "postgres") -> String {
        "postgres://\(user)@127.0.0.1:\(port)/\(database)"
    }

    /// Ends it as a power cut would.
    func stopAtOnce() async throws {
        try await Command.run(
            Self.program("pg_ctl"), ["-D", directory + "/data", "-s", "-w", "-m", "immediate", "stop"])
    }

    func start() async throws { try await process.start("Postgres (its log is \(directory)/log)") }

    func promote() async throws {
        try await Command.run(Self.program("pg_ctl"), ["-D", directory + "/data", "-s", "-w", "promote"])
    }

    /// Runs SQL as the superuser, past the driver under test.
    @discardableResult
    func sql(_ sql: String, database: String = "postgres") async throws -> String {
        try await Self.ask(url(database), sql)
    }

    /// Runs SQL as psql does, over any URL.
    @discardableResult
    static func ask(_ url: String, _ sql: String) async throws -> String {
        try await Command.run(
            program("psql"), ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]
        ).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func makeDatabase(owner: String = "postgres") async throws -> String {
        let name = "t\(UInt64.random(in: 0 ... .max))"
        try await sql("create database \(name) template template0 owner \(owner) strategy file_copy")
        return name
    }
}
