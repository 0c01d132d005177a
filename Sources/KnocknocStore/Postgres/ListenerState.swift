import Synchronization

/// What the listening connection has proven.
final class ListenerState: Sendable {
    private struct State {
        var isLive = false
        var nonce: (text: String, heard: Latch)?
        var ends = 0
        var ending: Latch?
    }

    private let state = Mutex(State())

    var isLive: Bool { state.withLock { $0.isLive } }

    /// How often ``end()`` was called.
    var ends: Int { state.withLock { $0.ends } }

    /// Sets the latch when ``end()`` is called again; at once where that was after `ends`.
    func onEnd(after ends: Int, _ latch: Latch) {
        let isLate = state.withLock { state in
            state.ending = latch
            return state.ends != ends
        }
        if isLate { latch.set() }
    }

    /// Ends the listening connection, or the wait for the next try, so that another is made now.
    func end() {
        let latch = state.withLock { state in
            state.ends += 1
            return state.ending
        }
        latch?.set()
    }

    func set(live: Bool) { state.withLock { $0.isLive = live } }

    /// A latch that is set once `nonce` is heard.
    func expect(_ nonce: String) -> Latch {
        let latch = Latch()
        state.withLock { $0.nonce = (nonce, latch) }
        return latch
    }

    func heard(_ nonce: String) {
        let latch = state.withLock { $0.nonce?.text == nonce ? $0.nonce?.heard : nil }
        latch?.set()
    }
}
