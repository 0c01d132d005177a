import Foundation
import KnocknocModel
import KnocknocStore
import KnocknocSystem
import Lab
import Logging
import Synchronization

@testable import KnocknocToolkit

/// A real Postgres with a migrated Knocknoc database and the layout of a packaged server beside it; it stops, and its
/// files go, when the test lets go of it or this process ends in whatever way.
final class TestCluster: Sendable {
    let folder: String
    let port: Int
    private let lifeline: FileHandle
    private let supervisor: Process

    static let isPossible: Bool = {
        let obstacle = geteuid() == 0 ? (Lab.postgres == nil ? "no PostgreSQL server is installed" : nil) : "not root"
        if let obstacle { print("SKIPPED: exposedb on real clusters: \(obstacle)") }
        return obstacle == nil
    }()

    /// What `initdb` and a first migration leave, made once and copied.
    private static let template = Task { () throws -> String in
        let cluster = try await TestCluster(copying: nil, hba: Array("local all all trust\n".utf8), settings: [:])
        try await cluster.sql(
            """
            create role knocknoc_owner nologin; create role knocknoc login; grant knocknoc_owner to knocknoc;
            create database knocknoc owner knocknoc_owner;
            alter role knocknoc in database knocknoc set role = knocknoc_owner;
            alter role knocknoc in database knocknoc set search_path = knocknoc;
            """, database: "postgres")
        try await cluster.sql("create schema knocknoc authorization knocknoc_owner")
        try await cluster.migrate(cluster.url())
        try await Shell.check(cluster.control(["-m", "fast", "-w", "stop"]))
        templateCluster.store(cluster)
        return cluster.data
    }

    /// - Parameters:
    ///   - hba: the bytes of pg_hba.conf.
    ///   - settings: for postgresql.conf.
    convenience init(hba: [UInt8] = Array("local all all trust\n".utf8), settings: [String: String] = [:]) async throws
    {
        try await self.init(copying: try await Self.template.value, hba: hba, settings: settings)
    }

    private init(copying template: String?, hba: [UInt8], settings: [String: String]) async throws {
        folder = try Lab.temporaryFolder("expose", readable: true).path
        port = try FreePort.find()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let stop = Self.control(["-m", "immediate", "-w", "stop"], folder + "/data").joined(separator: " ")
        process.arguments = ["-c", "cat >/dev/null; \(stop) >/dev/null 2>&1; rm -rf \(folder)"]
        let pipe = Pipe()
        lifeline = pipe.fileHandleForWriting
        // No other child may hold it open, a Postgres that outlives its starter least of all.
        _ = fcntl(lifeline.fileDescriptor, F_SETFD, FD_CLOEXEC)
        process.standardInput = pipe
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        supervisor = process
        try await Shell.check(["chown", "postgres:postgres", folder])
        if let template {
            try await Shell.check(["cp", "-a", template, data])
        } else {
            let options = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"]
            try await Shell.check(Self.postgres + [(Lab.postgres ?? "") + "/initdb", "-D", data] + options)
        }
        try write(hba, to: hbaPath)
        let all = [
            "port": "\(port)", "unix_socket_directories": folder, "listen_addresses": "", "fsync": "off",
            "shared_buffers": "16MB", "max_connections": "40", "wal_level": "minimal", "max_wal_senders": "0",
        ].merging(settings) { _, given in given }
        let text = all.map { "\($0.key) = '\($0.value)'\n" }.sorted().joined()
        try Data(text.utf8).write(to: URL(fileURLWithPath: data + "/postgresql.conf"))
        try FileManager.default.createDirectory(
            atPath: layout.root + "/opt/knocknoc/etc", withIntermediateDirectories: true)
        try configure("DatabaseURL = \(url())\n")
        try await start()
    }

    deinit { try? lifeline.close() }

    var data: String { folder + "/data" }
    var hbaPath: String { data + "/pg_hba.conf" }
    var layout: InstallLayout { InstallLayout(root: folder + "/root") }

    func url(_ database: String = "knocknoc", user: String? = "knocknoc") -> String {
        "postgres://\(user.map { $0 + "@" } ?? "")/\(database)?host=\(folder)&port=\(port)"
    }

    func configure(_ text: String) throws { try SystemFile(layout.configuration).replace(with: text) }

    func hba() throws -> [UInt8] { try SystemFile(hbaPath).bytes() ?? [] }

    func autoConf() throws -> AutoConf { AutoConf(try SystemFile(data + "/postgresql.auto.conf").text() ?? "") }

    /// Writes a file of the cluster as its owner would.
    func write(_ bytes: [UInt8], to path: String) throws {
        try SystemFile(path).replace(with: bytes, attributes: .init(mode: 0o600, owner: owner(), group: owner()))
    }

    private func owner() throws -> UInt32 { try SystemFile(folder).attributes()?.owner ?? 0 }

    func start() async throws { try await Shell.check(control(["-w", "-s", "-l", folder + "/log", "start"])) }

    func stop() async throws { try await Shell.check(control(["-w", "-s", "-m", "immediate", "stop"])) }

    func control(_ arguments: [String]) -> [String] { Self.control(arguments, data) }

    private static let postgres = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", "--"]

    private static func control(_ arguments: [String], _ data: String) -> [String] {
        postgres + [(Lab.postgres ?? "") + "/pg_ctl", "-D", data] + arguments
    }

    /// Runs SQL as the superuser.
    @discardableResult
    func sql(_ sql: String, database: String = "knocknoc") async throws -> String {
        try await Self.ask(url(database, user: "postgres"), sql)
    }

    /// Runs SQL over any URL as psql does.
    @discardableResult
    static func ask(_ url: String, _ sql: String) async throws -> String {
        try await Shell.check(psql(url), input: sql).text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    static func psql(_ url: String) -> [String] {
        ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url]
    }

    func migrate(_ url: String) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let database = try DatabaseFactory.open(
            url: url, serverLock: false, patience: .seconds(60), logger: logger)
        try await Migrator(database, logger: logger).migrate()
        await database.close()
    }

    /// `knocker exposedb` as a library.
    ///
    /// - Parameter isShown: false where the command ends before it shows what it has made.
    @discardableResult
    func expose(
        _ action: ExposeDB.Action, console: any Console = Recorder(), isShown: Bool = true,
        _ change: (inout ExposeDB.Options) -> Void = { _ in }
    ) async throws -> ExposeDB.Outcome {
        var options = ExposeDB.Options()
        options.advertise = "127.0.0.1"
        change(&options)
        let exposing = ExposeDB(layout: layout, options: options, console: console)
        let outcome = try await exposing.run(action)
        if isShown { try await exposing.shown(outcome) }
        return outcome
    }

    /// Keeps the template's files until this process ends.
    private static let templateCluster = Keeper()

    private final class Keeper: Sendable {
        private let kept = Mutex<TestCluster?>(nil)
        func store(_ cluster: TestCluster) { kept.withLock { $0 = cluster } }
    }
}
