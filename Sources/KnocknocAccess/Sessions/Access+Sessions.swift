import KnocknocModel
import KnocknocStore

extension Access {
    /// The live session of an enabled user with this token; nil where there is none.
    public func session(user token: String) async throws -> Session? {
        let rows = try await database.run(SessionTable.ofUser(token: Secret.hash(token)))
        guard let row = rows.first else { return nil }
        return try session(row, token: token, addresses: rows)
    }

    /// The live session of an enabled administrator with this token; nil where there is none.
    public func session(admin token: String) async throws -> Session? {
        guard let row = try await database.run(SessionTable.ofAdmin(token: Secret.hash(token))).first
        else { return nil }
        return try session(row, token: token)
    }

    /// nil where the session is over by the clock.
    ///
    /// - Parameter addresses: a row for each that it has.
    func session(_ row: Row, token: String, addresses rows: [Row] = []) throws -> Session? {
        let now = try row.now(self)
        let expiresAt = try row.timestamp("expires_at")
        guard expiresAt > now else { return nil }
        let id: SessionID = try row.identifier("id")
        if now.milliseconds(since: try row.timestamp("last_seen_at")) >= 60_000 { seen.note(id, at: now) }
        let principal: Session.Principal
        var displayName: String?
        if let user = try row.identifierIfPresent("user_id", as: UserID.self) {
            principal = .user(user)
            displayName = try row.optional("display_name", row.text)
        } else {
            principal = .admin(try row.identifier("admin_id"))
        }
        var session = Session(
            id: id, principal: principal, name: try row.text("name"), displayName: displayName,
            address: try row.optional("address", row.address),
            addressReason: try row.optional("address_reason", row.text), createdAt: try row.timestamp("created_at"),
            expiresAt: expiresAt, csrf: Secret.csrf(token))
        session.addresses = try [SessionAddress](rows: rows)
        if session.addresses.isEmpty { session.takeOwnAddress() }
        return session
    }

    /// Ends the session and every grant made in it.
    public func signOut(_ session: Session, _ context: RequestContext) async throws {
        try await write { tx in
            let now = late
            let ended = try await tx.run(SessionTable.end(session.id, at: now, reason: "sign_out"))
            guard !ended.isEmpty else { return ((), Effects()) }
            let ending = try await end(.session(session.id), reason: "sign_out", at: now, tx)
            let line = AuditLine(
                "session.end", by: session.actor, ("session", session.id.description, session.name),
                ["reason": "sign_out"])
            var effects = try await settle(ending, at: now, by: session.actor, context, extra: [line], tx, isLast: true)
            if let user = session.userID { effects.users.insert(user) }
            return ((), effects)
        }
    }
}
