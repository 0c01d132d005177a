import Synchronization

/// When a link was last heard, and since when a write is stuck.
final class LinkVitals: Sendable {
    private struct State {
        var heard: ContinuousClock.Instant
        var writing: ContinuousClock.Instant?
    }
    private let state: Mutex<State>

    init(now: ContinuousClock.Instant) { state = Mutex(State(heard: now)) }

    var lastHeard: ContinuousClock.Instant { state.withLock { $0.heard } }
    func hear() { state.withLock { $0.heard = .now } }
    func beginWrite() { state.withLock { $0.writing = .now } }
    func endWrite() { state.withLock { $0.writing = nil } }

    /// Why the link must be taken for dead, nil while it lives.
    func complaint(at now: ContinuousClock.Instant, silence: Duration, write: Duration) -> String? {
        state.withLock { state in
            if state.heard.duration(to: now) > silence { return "nothing was heard for \(silence)" }
            if let writing = state.writing, writing.duration(to: now) > write {
                return "a write has been stuck for \(write)"
            }
            return nil
        }
    }
}
