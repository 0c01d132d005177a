import Glibc
import Hummingbird
import KnocknocAccess
import KnocknocModel
import KnocknocStore
import Logging
import NIOCore
import ServiceLifecycle

/// Keeps the database's connections, clock and events alive; the last to stop.
struct DatabaseRunner: Service {
    let database: any DatabaseService

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await database.run() }
        } catch is CancellationError {}
        await database.close()
    }
}

/// Waits for the database, brings its schema to this release's, takes the site's data key and opens the doors.
struct Preparation: Service {
    let database: any DatabaseService
    let access: Access
    let way: DatabaseSwitch
    let keyProtection: KeyProtection
    let node: WebNode
    let declared: [DeclaredAgent]
    let phase: ServerPhase
    let logger: Logger

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await prepare() }
        } catch is CancellationError {
            return
        }
        try? await gracefulShutdown()
    }

    private func prepare() async throws {
        let migrator = try Migrator(database, logger: logger)
        while true {
            phase.set(.starting("the database does not answer"))
            let switches = way.switches
            do {
                try await database.waitUntilReachable()
                phase.set(.starting("the database is being migrated"))
                try await migrator.admit(node)
                try await access.unlock(keyProtection)
                try await access.declareAgents(declared)
                // A reload may have led elsewhere meanwhile, where nothing is prepared yet.
                guard way.settle(on: try await SiteHistory.of(database), since: switches) else { continue }
                phase.set(.ready)
                return
            } catch let error as StoreError where error.code == .unavailable || error.code == .unknownOutcome {
                logger.warning("the database went away while the schema was checked", metadata: ["error": "\(error)"])
                try await Task.sleep(for: .milliseconds(500))
            } catch let error as StoreError where error.code == .schemaTooNew || error.code == .schemaTooOld {
                throw ServerError(.database, error.message)
            } catch let error as AccessError where error.code == .encryptionKey {
                throw ServerError(.encryptionKey, error.message)
            }
        }
    }
}

/// A service that needs a migrated database.
struct AfterReady: Service {
    let phase: ServerPhase
    let service: any Service

    func run() async throws {
        guard await cancelWhenGracefulShutdown({ await phase.waitUntilReady() }) else { return }
        try await service.run()
    }
}

/// The first to stop: `/health` says 503 for a while, so that load balancers go elsewhere.
struct DrainGate: Service {
    let phase: ServerPhase
    let seconds: Int
    let logger: Logger

    func run() async throws {
        try await gracefulShutdown()
        phase.set(.draining)
        guard seconds > 0 else { return }
        logger.notice("stopping; answering for \(seconds) s more while load balancers notice")
        try? await Task.sleep(for: .seconds(seconds))
    }
}

/// The HTTP server, with words for what keeps it from starting.
struct HTTPService: Service {
    /// How long nothing listens for want of a database: then `/health` can say so.
    static let patience = Duration.seconds(5)

    let application: Application<RouterResponder<KnocknocRequestContext>>
    let listen: ListenAddress
    let phase: ServerPhase

    func run() async throws {
        // A load balancer sends what belongs to this node as soon as it listens, and sends elsewhere what is refused.
        let isReady = await cancelWhenGracefulShutdown { await phase.waitUntilReady(within: Self.patience) }
        if !isReady, Task.isShuttingDownGracefully { return }
        do {
            try await application.run()
        } catch let error as IOError {
            throw ServerError(.listen, Self.refusal(listen, errno: error.errnoCode))
        }
    }

    static func refusal(_ listen: ListenAddress, errno code: CInt) -> String {
        let advice = code == EADDRINUSE ? "; another process listens there, give --listen another port" : ""
        return "cannot listen on \(listen): \(String(cString: strerror(code)))\(advice)"
    }
}
