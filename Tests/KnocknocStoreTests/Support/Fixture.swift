import Foundation
import KnocknocModel
import Logging
import Testing

@testable import KnocknocStore

/// The drivers that the conformance suite runs against.
enum Driver: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case sqlite, postgres
    /// Postgres behind PgBouncer in transaction mode.
    case pooled

    static var available: [Driver] {
        [.sqlite] + (PostgresServer.isInstalled ? [.postgres] : []) + (PgBouncer.isInstalled ? [.pooled] : [])
    }

    var testDescription: String { rawValue }
}

/// Databases of one test.
enum Fixture {
    static let logger: Logger = {
        var logger = Logger(label: "store-tests")
        logger.logLevel = ProcessInfo.processInfo.environment["STORE_TESTS_LOG"] == nil ? .critical : .debug
        return logger
    }()

    static func operation() -> OperationID { .new(at: SystemTime.now()) }

    static func emptyURL(_ driver: Driver) async throws -> String {
        switch driver {
        case .sqlite:
            return "sqlite://\(folder())/k.db"
        case .postgres:
            let server = try await PostgresServer.shared.value
            return server.url(try await server.makeDatabase())
        case .pooled:
            let name = try await PostgresServer.shared.value.makeDatabase()
            return try await PgBouncer.shared.value.url(name)
        }
    }

    /// A folder that is not there yet, in one that goes with the process.
    static func folder() -> String { "\(scratch)/\(UUID().uuidString)" }

    private static let scratch: String = {
        atexit { try? FileManager.default.removeItem(atPath: Fixture.scratchPath) }
        return scratchPath
    }()

    private static let scratchPath = FileManager.default.temporaryDirectory.path + "/knocknoc-store-tests-\(getpid())"

    /// More patient than a server is: all tests run at once, on as few cores as there are.
    static func open(_ url: String) throws -> any DatabaseService {
        guard try DatabaseURL(url).engine == .postgres else {
            return try DatabaseFactory.open(url: url, serverLock: false, logger: logger)
        }
        var options = PostgresOptions()
        options.wait(.seconds(60))
        options.proofTimeout = .seconds(30)
        return try PostgresDatabase(url: url, logger: logger, options: options)
    }

    /// A migrated database with a table of the tests' own and its background work running.
    static func with(
        _ driver: Driver, _ body: (any DatabaseService, _ url: String) async throws -> Void
    ) async throws {
        let url = try await emptyURL(driver)
        let database = try open(url)
        try await Migrator(database, logger: logger).migrate()
        try await database.migrate { try await $0.execute(script: probe(driver)) }
        try await running(database) { try await body(database, url) }
    }

    static func running(_ database: any DatabaseService, _ body: () async throws -> Void) async throws {
        let service = Task { try await database.run() }
        defer { service.cancel() }
        try await body()
        await database.close()
    }

    static func probe(_ driver: Driver) -> String {
        let (integer, blob, strict) = driver == .sqlite ? ("integer", "blob", "strict") : ("bigint", "bytea", "")
        return """
            create table probe (
                id \(integer) not null,
                name text,
                amount \(integer),
                secret \(blob),
                parent \(integer),
                constraint probe_pkey primary key (id),
                constraint probe_name_key unique (name),
                constraint probe_parent_fkey foreign key (parent) references probe (id)
            ) \(strict);
            create unique index probe_amount_secret_key on probe (amount, secret) where amount > 100;
            """
    }

    static func count(_ database: any Executor) async throws -> Int64 {
        try await database.run(Statement("select count(*) as count from probe"))[0].integer("count")
    }

    static func expect(
        _ count: Int64, in database: any Executor, _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await self.count(database)
        #expect(found == count, sourceLocation: location)
    }

    /// Waits for an event that `isWanted`, for at most ten seconds.
    static func wait(
        _ stream: AsyncStream<StoreEvent>, for isWanted: @escaping @Sendable (StoreEvent) -> Bool
    ) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await event in stream where isWanted(event) { return true }
                return false
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(60))
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
