import KnocknocModel
import KnocknocStore
import Logging
import Synchronization

/// What this node audited, or found audited, within the last minute: a flood of the same costs no writes.
final class AuditPauses: Sendable {
    private let noted = Mutex<[String: Timestamp]>([:])

    /// - Returns: false within a minute of the last time that it was true.
    func begin(_ key: String, at now: Timestamp) -> Bool {
        noted.withLock { noted in
            if let last = noted[key], now.milliseconds(since: last) < 60_000 { return false }
            if noted.count >= 4096 { noted = noted.filter { now.milliseconds(since: $0.value) < 60_000 } }
            noted[key] = now
            return true
        }
    }
}

extension Access {
    /// Audits what somebody may repeat as fast as he likes: one line a minute for each key, over all nodes. A line that
    /// cannot be written is told to the log.
    func auditSparingly(_ key: String, _ line: AuditLine, from address: IPAddress?) async {
        let now = late
        guard pauses.begin(key, at: now) else { return }
        do {
            try await write(WriteOptions(durability: .hasty)) { tx in
                guard try await !tx.run(PauseTable.begin(key, at: now)).isEmpty else { return ((), Effects()) }
                try await tx.run([try audit(line, at: now, nil, from: address)])
                return ((), Effects())
            }
        } catch {
            logger.warning("\(line.action) could not be audited", metadata: ["error": "\(error)"])
        }
    }
}
