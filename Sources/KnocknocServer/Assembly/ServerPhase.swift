import Synchronization

/// Where the server is between start and stop; requests read it, the services set it.
final class ServerPhase: Sendable {
    enum Value: Hashable, Sendable {
        /// The database is away or being migrated; the text says which.
        case starting(String)
        case ready
        /// Told to stop: load balancers go elsewhere, requests are still answered.
        case draining
    }

    private let state = Mutex(Value.starting("the server is starting"))
    private let ready = Once<Void>()

    var value: Value { state.withLock { $0 } }

    func set(_ value: Value) {
        state.withLock { state in
            // A migration that ends late does not call a stop back.
            if state != .draining { state = value }
        }
        if value == .ready { ready.set(()) }
    }

    /// - Returns: false where the task was cancelled first.
    func waitUntilReady() async -> Bool { await ready.wait() != nil }

    /// - Returns: false where that took longer than `limit`, or the task was cancelled.
    func waitUntilReady(within limit: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await self.waitUntilReady() }
            group.addTask {
                try? await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
