import KnocknocModel
import KnocknocProtocol
import KnocknocStore

extension Access {
    /// What ``startOver(cause:batch:)`` has ended.
    public struct Ended: Hashable, Sendable {
        public var sessions = 0
        public var grants = 0
    }

    /// For a database that may lack the last writes, which may have been endings: no agent's position counts any more,
    /// and everybody signs in again.
    ///
    /// - Parameters:
    ///   - cause: why, for the audit: a word such as `failover`.
    ///   - batch: how many sessions end in one transaction.
    public func startOver(cause: String, batch: Int = 200) async throws -> Ended {
        let moment = try await write { tx in
            let now = try await clock(tx)
            try await tx.run([
                SiteTable.renew(epoch: Secret.new()),
                try audit(AuditLine("site.start_over", by: .cli, nil, ["cause": cause]), at: now, nil),
            ])
            var effects = Effects()
            effects.everybody = true
            return (now, effects)
        }
        var all = Ended()
        while true {
            let some = try await end(madeUntil: moment, cause: cause, limit: batch)
            all.sessions += some.sessions
            all.grants += some.grants
            if some.sessions < batch { return all }
        }
    }

    private func end(madeUntil moment: Timestamp, cause: String, limit: Int) async throws -> Ended {
        try await write { tx in
            let now = late
            let sessions = try await tx.run(
                SessionTable.end(madeUntil: moment, at: now, reason: cause, limit: limit))
            var ending = Ending(reason: cause)
            var lines: [AuditLine] = []
            for row in sessions {
                let id: SessionID = try row.identifier("id")
                ending.merge(try await end(.session(id), reason: cause, at: now, tx))
                lines.append(AuditLine("session.end", by: .cli, ("session", id.description, nil), ["reason": cause]))
            }
            var effects = Effects()
            if !lines.isEmpty { effects = try await settle(ending, at: now, by: .cli, nil, extra: lines, tx) }
            effects.everybody = true
            return (Ended(sessions: sessions.count, grants: ending.grants.count), effects)
        }
    }
}
