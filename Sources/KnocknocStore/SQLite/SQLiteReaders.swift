import GRDB
import Synchronization

/// Read-only connections, each held by one snapshot at a time.
final class SQLiteReaders: Sendable {
    private let path: String
    private let configuration: Configuration
    private let slots: FairSemaphore
    private let idle = Mutex<[DatabaseQueue]>([])

    init(path: String, configuration: Configuration, limit: Int) {
        self.path = path
        var configuration = configuration
        configuration.readonly = true
        self.configuration = configuration
        slots = FairSemaphore(slots: limit)
    }

    func with<Result>(_ body: (DatabaseQueue) async throws -> Result) async throws -> Result {
        try await slots.acquire(within: .seconds(5), for: "a reading connection")
        defer { slots.release() }
        let reader: DatabaseQueue
        if let known = idle.withLock({ $0.popLast() }) {
            reader = known
        } else {
            do { reader = try DatabaseQueue(path: path, configuration: configuration) } catch {
                throw SQLiteErrors.wrap(error)
            }
        }
        defer { idle.withLock { $0.append(reader) } }
        return try await body(reader)
    }

    func close() {
        for reader in idle.withLock({ $0 }) { try? reader.close() }
    }
}
