public import KnocknocModel
public import Logging
import Synchronization

/// A site's Postgres: single reads share connections in pipeline mode, transactions take one each, and a primary that
/// moves is followed.
public final class PostgresDatabase: DatabaseService {
    public let engine = Engine.postgres

    let connector: PostgresConnector
    /// The way past a pooler, where one is named.
    private let bypass: Mutex<PostgresConnector?>
    let pool: PostgresPool
    let readers: [PostgresSlot]
    /// Clock, notifications and health: never behind somebody's slow read.
    let service: PostgresSlot
    let options: PostgresOptions
    let logger: Logger
    let hub = EventHub()
    let outbox = EventMailbox()
    let clock: ClockEstimate
    let listening = ListenerState()
    /// This node on the channel; random, so that it knows its own notifications.
    let sender = String(UInt64.random(in: .min ... .max), radix: 36)
    private let turn = Atomic<Int>(0)

    /// Opens nothing yet; a database that is away is no error here.
    ///
    /// - Parameter url: `postgres://…` with any number of hosts; `knocknoc_key` is left out.
    /// - Throws: ``StoreError`` `configuration`.
    public init(url: String, logger: Logger, options: PostgresOptions = PostgresOptions()) throws(StoreError) {
        let url = try DatabaseURL(url)
        let connector = try PostgresConnector(dsn: url.location, options: options, logger: logger)
        self.connector = connector
        bypass = Mutex(try Self.listener(options.listenURL, options, logger))
        self.options = options
        self.logger = logger
        pool = PostgresPool(connector, limit: options.transactionConnections)
        readers = (0..<max(1, options.readConnections)).map { _ in PostgresSlot(connector) }
        service = PostgresSlot(connector)
        clock = ClockEstimate(wall: SystemTime.now)
    }

    /// To where LISTEN works.
    var listener: PostgresConnector { bypass.withLock { $0 } ?? connector }

    private static func listener(
        _ url: String?, _ options: PostgresOptions, _ logger: Logger
    ) throws(StoreError) -> PostgresConnector? {
        guard let text = url else { return nil }
        let url = try DatabaseURL(text, setting: "ListenURL")
        guard url.engine == .postgres else {
            throw StoreError(.configuration, "ListenURL: expected postgres://…, the way past a pooler")
        }
        return try PostgresConnector(dsn: url.location, setting: "ListenURL", options: options, logger: logger)
    }

    public func redirect(to url: String, listenURL: String?) throws(StoreError) {
        let url = try DatabaseURL(url)
        guard url.engine == .postgres else {
            throw StoreError(.configuration, "DatabaseURL: from Postgres to a file needs a restart")
        }
        let targets = try PostgresTarget.parse(url.location)
        let new = try Self.listener(listenURL, options, logger)
        connector.redirect(to: targets)
        bypass.withLock { $0 = new }
        pool.closeOutdated()
        for slot in readers + [service] { slot.closeOutdated() }
        listening.end()
        // What was said on the way before may not have been heard.
        hub.publish(.reconnected)
    }

    public func run(_ statement: Statement) async throws -> [Row] {
        guard let rows = try await run([statement]).first else {
            throw StoreError(.decoding, "a statement had no result")
        }
        return rows
    }

    public func run(_ statements: [Statement]) async throws -> [[Row]] {
        try await retrying { deadline in
            let next = turn.wrappingAdd(1, ordering: .relaxed).newValue
            let slot = readers[next & Int.max % readers.count]
            let connection = try await slot.connection(until: deadline)
            do {
                let preamble = connection.preamble
                let outcome = try await connection.run(
                    preamble.isEmpty ? statements : preamble + statements, until: .now + options.statementDeadline)
                return try outcome.replies.dropFirst(preamble.count).map { try $0.rows() }
            } catch {
                throw retire(error, connection)
            }
        }
    }

    public func snapshot<Result: Sendable>(
        _ body: @Sendable (any Transaction) async throws -> Result
    ) async throws -> Result {
        try await retrying { deadline in
            let connection = try await pool.take(until: deadline)
            defer { pool.give(back: connection) }
            let transaction = PostgresTransaction(
                connection,
                opening: [Statement("begin isolation level repeatable read read only")] + connection.preamble,
                statementDeadline: options.statementDeadline)
            defer { transaction.abandon() }
            do {
                let result = try await body(transaction)
                if let failure = transaction.failure { throw failure }
                return result
            } catch let error as StoreError where error.sqlState == "25006" {
                // Here it is the body that writes, not the primary that moved.
                throw StoreError(.statement, "a snapshot cannot write: \(error.message)")
            } catch {
                throw retire(transaction.failure ?? error, connection)
            }
        }
    }

    public func estimatedNow() -> Timestamp { clock.now() }

    public func silence() -> Duration { clock.silence() }

    public func events() -> AsyncStream<StoreEvent> { hub.subscribe() }

    public func announce(_ event: StoreEvent) {
        hub.publish(event)
        outbox.put(event)
    }

    public func announceElsewhere(_ event: StoreEvent) { outbox.put(event) }

    public func close() async {
        if let left = outbox.drain() { try? await tell(left) }
        connector.closeAll()
    }

    /// Each may hold an outdated plan of one statement.
    var connections: Int { options.transactionConnections + readers.count }

    /// Marks older connections as useless where the error says so.
    func retire(_ error: any Error, _ connection: PostgresConnection) -> any Error {
        if let error = error as? StoreError, PostgresErrors.retiresConnections(error) {
            connector.retire(because: error.message, olderThan: connection.generation)
        }
        return error
    }

    /// Runs `body` again while its failures allow, for at most the patience of the options.
    private func retrying<Result: Sendable>(
        _ body: (ContinuousClock.Instant) async throws -> Result
    ) async throws -> Result {
        var backoff = Backoff(until: .now + options.patience)
        var preparations = connections
        while true {
            do {
                return try await body(backoff.deadline)
            } catch let error as StoreError {
                if PostgresErrors.wantsPreparing(error), preparations > 0 {
                    preparations -= 1
                    continue
                }
                guard PostgresErrors.isRetriable(error), try await backoff.pause() else { throw error }
            }
        }
    }
}
