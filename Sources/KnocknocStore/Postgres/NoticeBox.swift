import CLibpq
import Synchronization

/// Notices and warnings of one connection, of which only one matters to us.
final class NoticeBox: Sendable {
    private let wasSyncWaitCancelled = Mutex(false)

    /// Called by libpq, which keeps the result. "canceling wait for synchronous replication" is known by the function
    /// that says it, whatever the language.
    func take(_ result: OpaquePointer) {
        guard let field = PQresultErrorField(result, Int32(UInt8(ascii: "R"))),
            String(cString: field) == "SyncRepWaitForLSN"
        else { return }
        wasSyncWaitCancelled.withLock { $0 = true }
    }

    /// Whether a wait for a synchronous standby was given up since the last call.
    func takeSyncWaitCancelled() -> Bool {
        wasSyncWaitCancelled.withLock { flag in
            defer { flag = false }
            return flag
        }
    }
}
