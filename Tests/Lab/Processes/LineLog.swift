import Synchronization

/// The lines that a process has printed so far; a reader can wait for one that is still to come.
final class LineLog: Sendable {
    private struct Waiter {
        var matches: @Sendable (String) -> Bool
        var continuation: CheckedContinuation<String?, Never>
    }

    private struct State {
        var lines: [String] = []
        var partial: [UInt8] = []
        var ended = false
        var waiters: [Int: Waiter] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    func append(_ bytes: some Sequence<UInt8>) {
        let resumed = state.withLock { state -> [(Waiter, String)] in
            var resumed: [(Waiter, String)] = []
            for byte in bytes {
                guard byte == UInt8(ascii: "\n") else {
                    state.partial.append(byte)
                    continue
                }
                Self.finishLine(&state, &resumed)
            }
            return resumed
        }
        for (waiter, line) in resumed { waiter.continuation.resume(returning: line) }
    }

    func end() {
        let (resumed, rest) = state.withLock { state -> ([(Waiter, String)], [Waiter]) in
            var resumed: [(Waiter, String)] = []
            if !state.partial.isEmpty { Self.finishLine(&state, &resumed) }
            state.ended = true
            defer { state.waiters = [:] }
            return (resumed, Array(state.waiters.values))
        }
        for (waiter, line) in resumed { waiter.continuation.resume(returning: line) }
        for waiter in rest { waiter.continuation.resume(returning: nil) }
    }

    var lines: [String] { state.withLock(\.lines) }

    /// The first line from number `start` on that matches; nil once the process has ended or the time is over.
    func first(
        from start: Int = 0, within limit: Duration, where matches: @escaping @Sendable (String) -> Bool
    ) async -> String? {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        let timer = Task {
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            let waiter = self.state.withLock { $0.waiters.removeValue(forKey: id) }
            waiter?.continuation.resume(returning: nil)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            let found: String?? = state.withLock { state in
                if let line = state.lines.dropFirst(start).first(where: matches) { return .some(line) }
                if state.ended { return .some(nil) }
                state.waiters[id] = Waiter(matches: matches, continuation: continuation)
                return nil
            }
            if let found { continuation.resume(returning: found) }
        }
    }

    private static func finishLine(_ state: inout State, _ resumed: inout [(Waiter, String)]) {
        let line = String(decoding: state.partial, as: UTF8.self)
        state.partial.removeAll(keepingCapacity: true)
        state.lines.append(line)
        for (id, waiter) in state.waiters where waiter.matches(line) {
            state.waiters[id] = nil
            resumed.append((waiter, line))
        }
    }
}
