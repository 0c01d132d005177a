import Synchronization

/// What the listening connection has proven.
final class ListenerState: Sendable {
    private struct State {
        var isLive = false
        var nonce: (text: String, heard: Latch)?
    }

    private let state = Mutex(State())

    var isLive: Bool { state.withLock { $0.isLive } }

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
