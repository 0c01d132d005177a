import Synchronization

/// Reads of the store that those who ask for the same at the same time share. Whoever asks while a read is under way gets
/// the next one, which begins after they asked: no answer is older than one's own would be.
final class SharedReads<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private typealias Read = Task<Value, any Error>

    private struct Flight {
        var current: Read
        var next: Read?
    }

    private let flights = Mutex<[Key: Flight]>([:])

    func value(of key: Key, read: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let mine = flights.withLock { flights in
            guard let flight = flights[key] else {
                let first = Read { try await self.run(key, read) }
                flights[key] = Flight(current: first)
                return first
            }
            if let next = flight.next { return next }
            let next = Read {
                _ = await flight.current.result
                return try await self.run(key, read)
            }
            flights[key]?.next = next
            return next
        }
        return try await mine.value
    }

    /// Reads; whoever comes from here on waits for another one.
    private func run(_ key: Key, _ read: () async throws -> Value) async throws -> Value {
        flights.withLock { flights in
            guard let next = flights[key]?.next else { return }
            flights[key] = Flight(current: next)
        }
        defer {
            flights.withLock { flights in
                if flights[key]?.next == nil { flights[key] = nil }
            }
        }
        return try await read()
    }
}
