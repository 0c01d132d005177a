import KnocknocModel
import Synchronization

/// What one subscriber has not read yet, merged: a slow reader costs no memory and misses nothing.
final class EventMailbox: Sendable {
    /// More identifiers than this are worth a full comparison instead.
    static let limit = 4096

    private struct State {
        var pending = PendingEvents()
        var reader: CheckedContinuation<StoreEvent?, Never>?
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Every event in it, merged, without waiting; nil where there is none.
    func drain() -> PendingEvents? {
        state.withLock { state in
            guard !state.pending.isEmpty else { return nil }
            defer { state.pending = PendingEvents() }
            return state.pending
        }
    }

    func put(_ event: StoreEvent) {
        let wake: (CheckedContinuation<StoreEvent?, Never>, StoreEvent?)? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.pending.add(event)
            guard let reader = state.reader else { return nil }
            state.reader = nil
            return (reader, state.pending.take())
        }
        if let wake { wake.0.resume(returning: wake.1) }
    }

    /// The next event, waiting for one; nil once closed.
    func next() async -> StoreEvent? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: StoreEvent?? = state.withLock { state in
                    if let event = state.pending.take() { return .some(event) }
                    if state.isClosed || Task.isCancelled { return .some(nil) }
                    state.reader = continuation
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            close()
        }
    }

    func close() {
        let reader = state.withLock { state in
            state.isClosed = true
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: nil)
    }
}
