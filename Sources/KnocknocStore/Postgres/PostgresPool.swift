import KnocknocModel
import Synchronization

/// Connections that are held by one transaction at a time; whoever asked first is served first.
final class PostgresPool: Sendable {
    private let connector: PostgresConnector
    private let slots: FairSemaphore
    private let idle = Mutex<[PostgresConnection]>([])
    private let starving = Mutex(false)

    init(_ connector: PostgresConnector, limit: Int) {
        self.connector = connector
        slots = FairSemaphore(slots: limit)
    }

    /// Whether the last transaction that came had no connection and could not get one: where a login is refused, those that
    /// are there may go on, and this is all that shows it.
    var isStarving: Bool { starving.withLock { $0 } }

    /// - Throws: ``StoreError`` `unavailable` where none is free, or none can be made, before `deadline`.
    func take(until deadline: ContinuousClock.Instant) async throws -> PostgresConnection {
        try await slots.acquire(within: deadline - .now, for: "a database connection; all are in use")
        do {
            while let connection = idle.withLock({ $0.popLast() }) {
                if connection.isUsable, connection.generation == connector.generation {
                    starving.withLock { $0 = false }
                    return connection
                }
                connection.close("retired")
            }
            let connection = try await connector.connect(until: deadline)
            starving.withLock { $0 = false }
            return connection
        } catch {
            if !(error is CancellationError) { starving.withLock { $0 = true } }
            slots.release()
            throw error
        }
    }

    func give(back connection: PostgresConnection) {
        idle.withLock { idle in
            if connection.isUsable { idle.append(connection) }
        }
        closeOutdated()
        slots.release()
    }

    /// Closes what nobody holds and nobody will be given again.
    func closeOutdated() {
        let generation = connector.generation
        let outdated = idle.withLock { idle in
            let split = idle.partition { $0.generation != generation }
            defer { idle.removeSubrange(split...) }
            return Array(idle[split...])
        }
        for connection in outdated { connection.closeWhenIdle() }
    }
}
