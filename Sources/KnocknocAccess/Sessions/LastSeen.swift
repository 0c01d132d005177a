import KnocknocModel
import Synchronization

/// Sessions seen lately, written down by the sweeper: reading a session never writes.
final class LastSeen: Sendable {
    private let sessions = Mutex<[SessionID: Timestamp]>([:])

    func note(_ id: SessionID, at now: Timestamp) { sessions.withLock { $0[id] = now } }

    func drain() -> [SessionID: Timestamp] {
        sessions.withLock { sessions in
            defer { sessions = [:] }
            return sessions
        }
    }
}
