import Foundation
import KnocknocAccess
import KnocknocIdentity
import KnocknocModel
import KnocknocProtocol
import KnocknocStore
import Logging
import Synchronization
import Testing

/// The databases that every use case is tried on.
enum Driver: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case sqlite, postgres

    /// `KNOCKNOC_TEST_DRIVERS=sqlite` leaves Postgres out, for quick runs.
    static let available: [Driver] = {
        if let chosen = ProcessInfo.processInfo.environment["KNOCKNOC_TEST_DRIVERS"] {
            print("SKIPPED: all drivers but \(chosen), because KNOCKNOC_TEST_DRIVERS says so")
            return chosen.split(separator: ",").compactMap { Driver(rawValue: String($0)) }
        }
        return PostgresServer.isInstalled ? [.sqlite, .postgres] : [.sqlite]
    }()

    var testDescription: String { rawValue }
}

/// A few worlds at once: each on Postgres has a pool of connections of its own.
final class Turns: Sendable {
    static let shared = Turns()
    private let state = Mutex<(free: Int, waiting: [CheckedContinuation<Void, Never>])>((6, []))

    func take() async {
        await withCheckedContinuation { continuation in
            let goes = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if goes { continuation.resume() }
        }
    }

    func giveBack() {
        let next = state.withLock { state in
            if state.waiting.isEmpty {
                state.free += 1
                return nil as CheckedContinuation<Void, Never>?
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}

/// A clock that a test moves.
final class Offset: Sendable {
    private let value = Mutex<Int64>(0)

    var microseconds: Int64 { value.withLock { $0 } }

    func advance(seconds: Int64) { value.withLock { $0 += seconds * 1_000_000 } }
}

/// A site of one test: its database, one or more nodes, an administrator's hand.
final class World: Sendable {
    let database: any DatabaseService
    let access: Access
    let clock: Offset
    let root = Actor.admin(AdminID(value: 1), name: "root")

    static let logger = Logger(label: "access-tests") { _ in SwiftLogNoOpLogHandler() }

    private init(_ database: any DatabaseService, _ options: AccessOptions) {
        self.database = database
        let clock = Offset()
        self.clock = clock
        var options = options
        options.clockOffset = { clock.microseconds }
        access = Self.node("a", database, options)
    }

    static func node(_ name: String, _ database: any DatabaseService, _ options: AccessOptions) -> Access {
        Access(
            database: database, hasher: PasswordHasher(cost: PasswordCost(memory: 8192, passes: 1)), node: name,
            options: options, logger: logger)
    }

    /// Another node of the same site.
    func secondNode() -> Access {
        var options = AccessOptions()
        let clock = clock
        options.clockOffset = { clock.microseconds }
        return Self.node("b", database, options)
    }

    /// - Parameter patience: longer than a site waits, since all tests run at once, on as few cores as there are.
    static func with(
        _ driver: Driver, _ options: AccessOptions = AccessOptions(), patience: Duration = .seconds(60),
        _ body: (World) async throws -> Void
    ) async throws {
        await Turns.shared.take()
        defer { Turns.shared.giveBack() }
        let directory = FileManager.default.temporaryDirectory.path + "/knocknoc-\(UUID().uuidString)"
        let database: any DatabaseService
        switch driver {
        case .sqlite:
            database = try SQLiteDatabase(path: "\(directory)/k.db", serverLock: false, logger: logger)
        case .postgres:
            let server = try await PostgresServer.shared.value
            let url = server.url(try await server.makeDatabase())
            var options = PostgresOptions()
            options.wait(patience)
            let limit = "?options=-c%20statement_timeout%3D\(patience / .milliseconds(1))"
            database = try PostgresDatabase(url: url + limit, logger: logger, options: options)
        }
        try await Migrator(database, logger: logger).migrate()
        let service = Task { try await database.run() }
        let result: Result<Void, any Error>
        do { result = .success(try await body(World(database, options))) } catch { result = .failure(error) }
        service.cancel()
        await database.close()
        try? FileManager.default.removeItem(atPath: directory)
        try result.get()
    }

    func context(_ address: String = "192.0.2.7") -> RequestContext {
        RequestContext(
            client: IPAddress(address).map { .address($0) } ?? .refused(nil, reason: "no address"), userAgent: "tests",
            requestID: "r1")
    }

    // MARK: making things

    func group(_ name: String) async throws -> GroupID {
        try await access.createGroup(GroupDraft(name: name), by: root, context()).id
    }

    @discardableResult
    func user(_ name: String, in groups: [GroupID] = [], sessionSeconds: Int64? = nil) async throws -> UserID {
        let draft = UserDraft(
            name: name, password: "\(name) password", groupIDs: groups, sessionSeconds: sessionSeconds)
        return try await access.createUser(draft, by: root, context()).id
    }

    func agent(_ name: String = "gw1", zone: String? = nil) async throws -> FakeAgent {
        let made = try await access.createAgent(AgentDraft(name: name, zone: zone), by: root, context())
        return FakeAgent(access, made.agent.id, token: made.token)
    }

    func knoc(
        _ name: String, _ groups: [GroupID], _ enforcement: [EnforcementSpec], on grantOn: GrantOn = .click,
        seconds: Int64? = nil, openWhen: OpenWhen = .all
    ) async throws -> KnocID {
        let draft = KnocDraft(
            name: name, groupIDs: groups, grantOn: grantOn, durationSeconds: seconds, openWhen: openWhen,
            enforcement: enforcement)
        return try await access.createKnoc(draft, by: root, context()).id
    }

    func signIn(_ name: String, from address: String = "192.0.2.7") async throws -> Session {
        try await access.signIn(user: name, password: "\(name) password", context(address)).session
    }

    func state(_ knoc: KnocID, _ session: Session) async throws -> KnocState? {
        try await access.knocs(of: session).first { $0.id == knoc }?.state
    }

    func actions() async throws -> [String] { try await access.listAudit(limit: 1000).map(\.action) }
}

func guardPort(_ port: UInt16, trial: Int = 0) -> Backend {
    .nftablesGuard(NFTablesGuard(protocol: .tcp, ports: [port], trialSeconds: trial))
}

func set(_ name: String) -> Backend {
    .nftablesSet(NFTablesSet(family: .inet, table: "filter", ipv4: name, ipv6: nil))
}

/// What an expected ``AccessError`` is recognised by.
func code(_ body: () async throws -> Void) async -> AccessError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? AccessError)?.code
    }
}
