import KnocknocModel
import Synchronization

/// Connections that are held by one transaction at a time; whoever asked first is served first.
final class PostgresPool: Sendable {
    private let connector: PostgresConnector
    private let slots: FairSemaphore
    private let idle = Mutex<[PostgresConnection]>([])

    init(_ connector: PostgresConnector, limit: Int) {
        self.connector = connector
        slots = FairSemaphore(slots: limit)
    }

    /// - Throws: ``StoreError`` `unavailable` where none is free, or none can be made, before `deadline`.
    func take(until deadline: ContinuousClock.Instant) async throws -> PostgresConnection {
        try await slots.acquire(within: deadline - .now, for: "a database connection; all are in use")
        do {
            while let connection = idle.withLock({ $0.popLast() }) {
                if connection.isUsable, connection.generation == connector.generation { return connection }
                connection.close("retired")
            }
            return try await connector.connect(until: deadline)
        } catch {
            slots.release()
            throw error
        }
    }

    func give(back connection: PostgresConnection) {
        let generation = connector.generation
        let outdated = idle.withLock { idle in
            if connection.isUsable { idle.append(connection) }
            let split = idle.partition { $0.generation != generation }
            defer { idle.removeSubrange(split...) }
            return Array(idle[split...])
        }
        for connection in outdated { connection.closeWhenIdle() }
        slots.release()
    }
}
