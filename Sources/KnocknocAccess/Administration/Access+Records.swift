public import KnocknocModel
import KnocknocStore

extension Access {
    /// Sessions, newest first, those older than `after`.
    ///
    /// - Parameter live: only those that go on.
    public func listSessions(
        live: Bool = false, after: SessionID? = nil, limit: Int = 100
    ) async throws -> [SessionRecord] {
        let rows = try await database.run(SessionTable.list(live: live, before: after, now: late, limit: limit))
        var addresses: [SessionID: [Row]] = [:]
        let ids = try rows.filter { try $0.isNull("ended_at") && !$0.isNull("user_id") }
            .map { try $0.identifier("id", as: SessionID.self) }
        for row in try await database.run(AddressTable.live(ofAll: ids)).joined() {
            addresses[try row.identifier("session_id"), default: []].append(row)
        }
        return try rows.map { row in
            let user = try row.identifierIfPresent("user_id", as: UserID.self)
            let id: SessionID = try row.identifier("id")
            return SessionRecord(
                id: id,
                principal: try user.map { .user($0) } ?? .admin(try row.identifier("admin_id")),
                name: try row.text("name"), address: try row.optional("address", row.address),
                addresses: try [SessionAddress](rows: addresses[id] ?? []),
                addressReason: try row.optional("address_reason", row.text),
                userAgent: try row.optional("user_agent", row.text), createdAt: try row.timestamp("created_at"),
                expiresAt: try row.timestamp("expires_at"), lastSeenAt: try row.timestamp("last_seen_at"),
                endedAt: try row.optional("ended_at", row.timestamp),
                endReason: try row.optional("end_reason", row.text))
        }
    }

    /// Grants, newest first, those older than `after`.
    ///
    /// - Parameters:
    ///   - live: only those that go on.
    ///   - user: only of this one.
    ///   - knoc: only of this one.
    public func listGrants(
        live: Bool = false, of user: UserID? = nil, on knoc: KnocID? = nil, after: GrantID? = nil, limit: Int = 100
    ) async throws -> [GrantRecord] {
        let rows = try await database.run(
            GrantTable.list(live: live, of: user, on: knoc, before: after, now: late, limit: limit))
        var records: [GrantRecord] = []
        var index = rows.startIndex
        while index < rows.endIndex {
            let row = rows[index]
            let id: GrantID = try row.identifier("grant_id")
            var facts: [(agent: AgentID, fact: EnforcementFact)] = []
            while index < rows.endIndex, try rows[index].identifier("grant_id", as: GrantID.self) == id {
                if let fact = try fact(rows[index]) { facts.append((try rows[index].identifier("agent_id"), fact)) }
                index += 1
            }
            records.append(try record(id, row, facts))
        }
        let open = records.filter { $0.endedAt == nil }.map(\.id)
        var sharers: [GrantID: [GrantRecord.Sharer]] = [:]
        for row in try await database.run(GrantTable.sharers(of: open, now: late)).joined() {
            let sharer = GrantRecord.Sharer(userID: try row.identifier("user_id"), userName: try row.text("user_name"))
            sharers[try row.identifier("grant_id"), default: []].append(sharer)
        }
        for index in records.indices { records[index].sharedWith = sharers[records[index].id] ?? [] }
        return records
    }

    private func record(
        _ id: GrantID, _ row: Row, _ facts: [(agent: AgentID, fact: EnforcementFact)]
    ) throws -> GrantRecord {
        let right = try right(row)
        let now = try row.now(self)
        let visible = VisibleState.of(
            right, facts.map(\.fact), openWhen: OpenWhen(rawValue: try row.text("open_when")) ?? .all, refusal: nil,
            at: now, sharer: "another grant")
        let isLive = if case .live(let until) = right { until > now } else { false }
        let parts = facts.compactMap { agent, fact -> GrantRecord.Part? in
            let part = fact.part(of: right, at: now)
            let isLeft = isLive && !(fact.wanted && fact.isPlaced)
            if isLeft, part.state == .closed { return nil }
            return GrantRecord.Part(
                agentID: agent, agentName: fact.agent, state: part.state, reason: part.reason, isLeft: isLeft)
        }
        return GrantRecord(
            id: id, userID: try row.identifier("user_id"), userName: try row.text("user_name"),
            knocID: try row.identifier("knoc_id"), knocName: try row.text("knoc_name"),
            sessionID: try row.identifier("session_id"), address: try row.address("address"),
            origin: GrantOn(rawValue: try row.text("origin")) ?? .click, createdAt: try row.timestamp("created_at"),
            expiresAt: try row.timestamp("grant_expires_at"), state: visible.state, reason: visible.reason,
            endedAt: try row.optional("ended_at", row.timestamp), endReason: try row.optional("end_reason", row.text),
            parts: parts)
    }

    /// Ends a grant now, and with it what its session has open of the same Knoc for other addresses; established flows
    /// are cut even where an address stays open for somebody else.
    ///
    /// - Throws: ``AccessError`` not found where it does not exist or has ended.
    public func endGrant(_ id: GrantID, by actor: Actor, _ context: RequestContext) async throws {
        try await write { tx in
            guard let row = try await tx.run(GrantTable.live(id)).first else { throw Access.none("live grant", id) }
            let session: SessionID = try row.identifier("session_id")
            // A move copies what is open to another address: it has done so, or finds nothing.
            try await tx.run(SessionTable.lock(session))
            let now = late
            let scope = GrantTable.Scope.knocInSession(try row.identifier("knoc_id"), session)
            let ending = try await end(scope, reason: "admin", at: now, tx)
            guard !ending.grants.isEmpty else { throw Access.none("live grant", id) }
            return ((), try await settle(ending, at: now, by: actor, context, cut: true, tx, isLast: true))
        }
    }

    /// Ends a session and its grants now; established flows are cut.
    ///
    /// - Throws: ``AccessError`` not found where it does not exist or has ended.
    public func endSession(_ id: SessionID, by actor: Actor, _ context: RequestContext) async throws {
        try await write { tx in
            let now = late
            guard let row = try await tx.run(SessionTable.end(id, at: now, reason: "admin")).first else {
                throw Access.none("live session", id)
            }
            let ending = try await end(.session(id), reason: "admin", at: now, tx)
            let line = AuditLine("session.end", by: actor, ("session", id.description, nil), ["reason": "admin"])
            var effects = try await settle(
                ending, at: now, by: actor, context, cut: true, extra: [line], tx, isLast: true)
            if let user = try row.identifierIfPresent("user_id", as: UserID.self) {
                effects.users.insert(user)
            }
            return ((), effects)
        }
    }

    /// The audit, newest first, what is older than `after`.
    public func listAudit(after: AuditID? = nil, limit: Int = 100) async throws -> [AuditRecord] {
        try await database.run(AuditTable.list(before: after, limit: limit)).map { row in
            AuditRecord(
                id: try row.identifier("id"), at: try row.timestamp("at"), node: try row.text("node"),
                actorKind: try row.text("actor_kind"), actorID: try row.optional("actor_id", row.text),
                actorName: try row.optional("actor_name", row.text), action: try row.text("action"),
                subjectKind: try row.optional("subject_kind", row.text),
                subjectID: try row.optional("subject_id", row.text),
                subjectName: try row.optional("subject_name", row.text),
                address: try row.optional("address", row.address),
                requestID: try row.optional("request_id", row.text), details: try JSON.value(try row.text("details")))
        }
    }

    /// The site in numbers.
    public func dashboard() async throws -> Dashboard {
        let now = late
        let heardSince = now.adding(seconds: -Access.silence)
        guard let row = try await database.run(SiteTable.counts(now: now, heardSince: heardSince)).first else {
            throw StoreError(.decoding, "the counts are missing")
        }
        return Dashboard(
            liveGrants: try row.integer("live_grants"), sessions: try row.integer("sessions"),
            adminSessions: try row.integer("admin_sessions"), openKnocs: try row.integer("open_knocs"),
            users: try row.integer("users"), groups: try row.integer("groups"), knocs: try row.integer("knocs"),
            agents: try row.integer("agents"), agentsLinked: try row.integer("agents_linked"),
            agentsOnline: try row.integer("agents_online"),
            failed: try row.integer("failed"))
    }

    /// Proxies through which people are signed in now who are granted nothing, because nobody told us to trust them.
    public func untrustedProxies(limit: Int = 8) async throws -> [IPAddress] {
        try await database.run(
            SessionTable.addresses(refusedBecause: ClientAddressRule.untrustedProxy, now: late, limit: limit)
        ).map { try $0.address("address") }
    }
}
