public import Foundation
import Glibc

/// A real Postgres of its own on a host of the lab.
public actor PostgresCluster {
    public nonisolated let host: Host
    private let folder: URL
    private let programs: String
    private var process: LabProcess?

    public init(on host: Host) async throws {
        guard let programs = Lab.postgres else {
            throw LabError("Postgres is not installed: apt-get install postgresql")
        }
        self.host = host
        self.programs = programs
        folder = try Lab.temporaryFolder("pg")
        try await Shell.check(["chown", "postgres", folder.path])
        try await Shell.check(
            Self.asPostgres([
                programs + "/initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync",
            ]))
        try await Shell.check(["tee", "-a", data + "/pg_hba.conf"], input: "host all all samenet trust\n")
        try await start()
        try await query("create database knocknoc")
    }

    private nonisolated var data: String { folder.path + "/data" }

    /// What `--database-url` takes.
    public nonisolated var url: String { "postgres://postgres@\(host.ipv4):5432/knocknoc" }

    public func start() async throws {
        let process = try host.start(
            Self.asPostgres([
                programs + "/postgres", "-D", data, "-k", folder.path, "-c", "listen_addresses=*", "-c", "port=5432",
                "-c", "shared_buffers=16MB", "-c", "max_connections=60",
            ]))
        self.process = process
        _ = try await process.errorLine(within: .seconds(30)) { $0.contains("ready to accept connections") }
    }

    /// Ends it as a crash would, or cleanly.
    public func stop(_ number: Int32 = SIGINT) async {
        await process?.stop(number)
        process = nil
    }

    /// Ends every process of it at once, as a power cut does; the data stays.
    public func crash() async throws {
        for pid in try await Shell.run(["ip", "netns", "pids", host.namespace]).text.split(separator: "\n") {
            if let pid = pid_t(pid) { kill(pid, SIGKILL) }
        }
        await stop(SIGKILL)
        let end = Clock.now + 60
        while true {
            let left = try await Shell.run(["ip", "netns", "pids", host.namespace]).text
            if left.isEmpty { return }
            guard Clock.now < end else { throw LabError("something of Postgres is left") }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @discardableResult
    public func query(_ sql: String, database: String = "postgres") async throws -> String {
        try await host.run(
            [
                programs + "/psql", "-h", host.ipv4, "-U", "postgres", "-d", database, "-qAtX", "-v", "ON_ERROR_STOP=1",
                "-c", sql,
            ]
        ).text
    }

    public func remove() async {
        await stop(SIGQUIT)
        try? FileManager.default.removeItem(at: folder)
    }

    private static func asPostgres(_ command: [String]) -> [String] {
        ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", "--"] + command
    }
}
