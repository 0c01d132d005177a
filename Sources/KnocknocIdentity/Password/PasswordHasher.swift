import CSodium
import Synchronization

/// Argon2id with a bounded number of hashes at once, each on a thread of its own, never on a cooperative one.
public final class PasswordHasher: Sendable {
    private struct State {
        var queue: SlotQueue<UInt64>
        var continuations: [UInt64: CheckedContinuation<Bool, Never>] = [:]
        var next: UInt64 = 0
    }

    private let cost: PasswordCost
    private let patience: Duration
    private let state: Mutex<State>

    /// - Parameters:
    ///   - slots: hashes at once; as many as there are processors where nil. Memory is bounded by it.
    ///   - capacity: how many may wait for a slot.
    ///   - patience: how long one waits for a slot.
    public init(
        cost: PasswordCost = PasswordCost(), slots: Int? = nil, capacity: Int = 512, patience: Duration = .seconds(5)
    ) {
        _ = sodium_init()
        self.cost = cost
        self.patience = patience
        state = Mutex(State(queue: SlotQueue(slots: max(1, slots ?? processors()), capacity: capacity)))
    }

    /// The hash of a password, in PHC format with a fresh salt.
    ///
    /// - Parameter lane: whoever shares a lane waits behind one another; usually the client's network.
    /// - Throws: ``IdentityError``: busy, or out of memory.
    public func hash(_ password: String, lane: String = "") async throws -> String {
        let cost = cost
        let hash = try await withSlot(lane) { argon2id(password, cost) }
        guard let hash else { throw IdentityError(.outOfMemory, "not enough memory to hash a password") }
        return hash
    }

    /// Whether the password has this hash. Where there is no hash the answer is no, after the same time.
    ///
    /// - Throws: ``IdentityError``: busy.
    public func verify(_ password: String, hash: String?, lane: String = "") async throws -> Bool {
        guard password.utf8.count <= PasswordRule.maximumBytes else { return false }
        let expected = hash ?? cost.unmatchable
        let matches = try await withSlot(lane) { argon2idMatches(password, expected) }
        return matches && hash != nil
    }

    private func withSlot<Result: Sendable>(
        _ lane: String, _ work: @escaping @Sendable () -> Result
    ) async throws -> Result {
        guard await acquire(lane) else {
            throw IdentityError(.busy, "too many sign-ins at once; try again in a few seconds")
        }
        defer { release() }
        return await onThread(work)
    }

    private func acquire(_ lane: String) async -> Bool {
        let ticket = state.withLock { state in
            state.next += 1
            return state.next
        }
        return await withCheckedContinuation { continuation in
            let (answer, evicted) = state.withLock { state in
                let answer = state.queue.ask(ticket, lane: lane)
                var evicted: CheckedContinuation<Bool, Never>?
                if case .waitInsteadOf(let other) = answer { evicted = state.continuations.removeValue(forKey: other) }
                if answer != .go, answer != .full { state.continuations[ticket] = continuation }
                return (answer, evicted)
            }
            evicted?.resume(returning: false)
            if answer == .go || answer == .full { return continuation.resume(returning: answer == .go) }
            Task { [patience] in
                try? await Task.sleep(for: patience)
                self.giveUp(ticket, lane)
            }
        }
    }

    private func giveUp(_ ticket: UInt64, _ lane: String) {
        let continuation = state.withLock { state in
            state.queue.withdraw(ticket, lane: lane) ? state.continuations.removeValue(forKey: ticket) : nil
        }
        continuation?.resume(returning: false)
    }

    private func release() {
        let continuation = state.withLock { state in
            state.queue.release().flatMap { state.continuations.removeValue(forKey: $0) }
        }
        continuation?.resume(returning: true)
    }
}
