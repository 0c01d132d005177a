import KnocknocModel
import Synchronization

/// One connection that many share, made when first needed and replaced when it is of no use.
final class PostgresSlot: Sendable {
    private enum State {
        case empty
        case connecting(Task<PostgresConnection, any Error>)
        case ready(PostgresConnection)
    }

    private let connector: PostgresConnector
    private let state = Mutex(State.empty)

    init(_ connector: PostgresConnector) { self.connector = connector }

    func connection(until deadline: ContinuousClock.Instant) async throws -> PostgresConnection {
        let generation = connector.generation
        var outdated: PostgresConnection?
        let task: Task<PostgresConnection, any Error>
        switch state.withLock({ state -> State in
            if case .ready(let connection) = state {
                if connection.isUsable, connection.generation == generation { return state }
                outdated = connection
            }
            if case .connecting = state { return state }
            // Everybody waits for the one attempt, so it must not end with its first asker.
            let task = Task { try await connector.connect(until: deadline) }
            state = .connecting(task)
            return state
        }) {
        case .ready(let connection): return connection
        case .connecting(let connecting): task = connecting
        case .empty: throw StoreError(.unavailable, "no connection", sqlState: "08003")
        }
        outdated?.closeWhenIdle()
        let result = await task.result
        state.withLock { state in
            guard case .connecting(let current) = state, current == task else { return }
            if case .success(let connection) = result { state = .ready(connection) } else { state = .empty }
        }
        return try result.get()
    }

    /// Lets a connection that nobody will be given again finish what it does, and closes it.
    func closeOutdated() {
        let generation = connector.generation
        let outdated: PostgresConnection? = state.withLock { state in
            guard case .ready(let connection) = state, connection.generation != generation else { return nil }
            state = .empty
            return connection
        }
        outdated?.closeWhenIdle()
    }
}
