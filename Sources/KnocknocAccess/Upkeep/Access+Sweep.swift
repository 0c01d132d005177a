import KnocknocModel
import KnocknocMoments
import KnocknocStore

extension Access {
    /// Ends what has expired, in bounded batches; what another node ended meanwhile is not ended twice.
    ///
    /// - Returns: how many grants and sessions ended.
    @discardableResult
    public func endExpired(limit: Int = 200) async throws -> Int {
        let now = try await clock(database)
        return try await write { tx in
            let sessions = try await tx.run(SessionTable.endExpired(at: now, limit: limit))
            var ending = try await end(.expired(limit: limit), reason: "expired", at: now, tx)
            if !ending.grants.isEmpty { Moment.reach(.received) }
            var lines: [AuditLine] = []
            var users: Set<UserID> = []
            for row in sessions {
                let id: SessionID = try row.identifier("id")
                ending.merge(try await end(.session(id), reason: "expired", at: now, tx))
                lines.append(
                    AuditLine("session.end", by: .system, ("session", id.description, nil), ["reason": "expired"]))
                if let user = try row.identifierIfPresent("user_id", as: UserID.self) { users.insert(user) }
            }
            var effects = Effects()
            if !ending.grants.isEmpty || !lines.isEmpty {
                effects = try await settle(ending, at: now, by: .system, nil, extra: lines, tx, isLast: true)
            }
            effects.users.formUnion(users)
            return (ending.grants.count + sessions.count, effects)
        }
    }

    /// Ends rights that should have ended with their cause, and entries that nobody's right holds. Each use case sees
    /// to its own; this is the net below them.
    public func repair(limit: Int = 200) async throws {
        try await write { tx in
            let now = late
            var ending = try await end(.allWrongful(limit: limit), reason: "right_gone", at: now, tx)
            for row in try await tx.run(EntryTable.orphans(now: now, limit: limit)) {
                ending.entries.insert(try row.identifier("entry_id"))
                ending.agents.insert(try row.identifier("agent_id"))
            }
            guard !ending.agents.isEmpty || !ending.grants.isEmpty else { return ((), Effects()) }
            return ((), try await settle(ending, at: now, by: .system, nil, tx))
        }
    }

    /// Clears away what nobody needs any more.
    public func prune() async throws {
        try await pruneEntries()
        try await pruneTargets()
        try await write { tx in
            let now = late
            try await tx.run([
                SiteTable.pruneOperations(before: now.adding(seconds: -3600)),
                AgentTable.prunePositions(before: now.adding(seconds: -86_400)),
                NodeTable.prune(before: now.adding(seconds: -86_400)),
                ThrottleTable.prune(before: now.adding(seconds: -4 * ThrottleRule.window)),
                PingTable.prune(),
                PauseTable.prune(before: now.adding(seconds: -86_400)),
                AddressTable.prune(before: now.adding(seconds: -3600)),
                ProbeTable.prune(before: now.adding(seconds: -60)),
            ])
            // What was released after its transaction had confirmed the rest.
            try await tx.run(AllowListTable.confirm(now: now))
            return ((), Effects())
        }
    }

    /// Writes down when sessions were last seen.
    func noteSeen() async throws {
        let sessions = seen.drain()
        guard !sessions.isEmpty else { return }
        try await write { tx in
            try await tx.run(sessions.sorted { $0.key < $1.key }.map { SessionTable.touch($0.key, at: $0.value) })
            return ((), Effects())
        }
    }

    /// The next moment at which something expires; nil where nothing will.
    func nextExpiry() async throws -> Timestamp? {
        try await database.run([SessionTable.nextExpiry(), GrantTable.nextExpiry()]).joined()
            .compactMap { try $0.optional("expires_at", $0.timestamp) }.min()
    }

    /// Absent entries that their agents confirmed a minute ago. Positions older than what goes are answered by a
    /// snapshot from now on.
    private func pruneEntries() async throws {
        let before = late.adding(seconds: -60)
        let rows = try await database.run(EntryTable.prunable(before: before, limit: 1000))
        var entries: [AgentID: [EntryID]] = [:]
        var revisions: [AgentID: Int64] = [:]
        for row in rows {
            let agent: AgentID = try row.identifier("agent_id")
            entries[agent, default: []].append(try row.identifier("entry_id"))
            revisions[agent] = max(revisions[agent] ?? 0, try row.integer("revision"))
        }
        for (agent, ids) in entries {
            let revision = revisions[agent] ?? 0
            try await write { tx in
                try await tx.run([AgentTable.raisePruned(agent, to: revision)] + EntryTable.prune(ids))
                return ((), Effects())
            }
        }
    }

    /// - Parameter page: how many are looked at at once; what stays must not stand before what goes.
    func pruneTargets(page: Int = 100) async throws {
        var last: TargetID?
        while true {
            let rows = try await database.run(TargetTable.prunable(after: last, limit: page))
            for row in rows {
                last = try row.identifier("id")
                try await prune(target: row)
            }
            if rows.count < page { return }
        }
    }

    private func prune(target row: Row) async throws {
        // A released guard still drops; it is kept until somebody takes it away. What cannot be read may be one.
        guard let backend = try? JSON.closing(try row.text("backend")).backend,
            try row.text("purpose") == "unguard" || !backend.isGuard
        else { return }
        if case .unknown = backend { return }
        let id: TargetID = try row.identifier("id")
        let agent: AgentID = try row.identifier("agent_id")
        let revision = try row.integer("revision")
        try await write { tx in
            try await tx.run([AgentTable.raisePruned(agent, to: revision), TargetTable.prune(id)])
            return ((), Effects())
        }
    }
}
