public import KnocknocModel
import KnocknocStore

extension Access {
    /// Users in the order of their making, those after `after`.
    public func listUsers(after: UserID? = nil, limit: Int = 100) async throws -> [UserRecord] {
        try users(try await database.run(UserTable.list(after: after, limit: limit)))
    }

    /// - Throws: ``AccessError`` not found.
    public func user(_ id: UserID) async throws -> UserRecord { try await user(id, database) }

    /// - Throws: ``AccessError``: invalid, duplicate.
    public func createUser(_ draft: UserDraft, by actor: Actor, _ context: RequestContext) async throws -> UserRecord {
        let (name, key) = try checkedName(draft.name, what: "a user", field: "username")
        try check(displayName: draft.displayName, email: draft.email, sessionSeconds: draft.sessionSeconds)
        let hash: String? = if let password = draft.password { try await hashed(password, context) } else { nil }
        return try await refusing("a user", name: name, nameField: "username", missing: "group_ids") {
            try await write { tx in
                let now = try await clock(tx)
                let id: UserID = new()
                try await tx.run(
                    [
                        UserTable.insert(
                            id, name: name, key: key, displayName: draft.displayName, email: draft.email,
                            passwordHash: hash, sessionSeconds: draft.sessionSeconds, disabled: draft.disabled,
                            now: now),
                        try audit(
                            AuditLine("user.create", by: actor, ("user", id.description, name)), at: now, context),
                    ] + draft.groupIDs.map { UserTable.join($0, id) })
                return (try await user(id, tx), Effects())
            }
        }
    }

    /// Changes a user. Grants whose right is gone end; disabling ends everything of the user at once, and a new
    /// password ends the sessions.
    ///
    /// - Throws: ``AccessError``: not found, invalid, duplicate, stale.
    public func updateUser(
        _ id: UserID, _ patch: UserPatch, version: Int64? = nil, by actor: Actor, _ context: RequestContext
    ) async throws -> UserRecord {
        let hash: String? = if let password = patch.password { try await hashed(password, context) } else { nil }
        let wanted = try patch.name.map { try checkedName($0, what: "a user", field: "username").name }
        return try await refusing("a user", name: wanted ?? "", nameField: "username", missing: "group_ids") {
            try await write { tx in
                let old = try await user(id, tx)
                try checkVersion(version, old.version, what: "the user")
                var next = old
                next.name = wanted ?? old.name
                next.displayName = patch.displayName.applied(to: old.displayName)
                next.email = patch.email.applied(to: old.email)
                next.sessionSeconds = patch.sessionSeconds.applied(to: old.sessionSeconds)
                next.disabled = patch.disabled ?? old.disabled
                next.groupIDs = patch.groupIDs ?? old.groupIDs
                try check(displayName: next.displayName, email: next.email, sessionSeconds: next.sessionSeconds)
                let now = late
                let updated = try await tx.run(
                    UserTable.update(
                        id, version: old.version, name: next.name, key: NameRule.key(next.name),
                        displayName: next.displayName, email: next.email, passwordHash: hash,
                        sessionSeconds: next.sessionSeconds, disabled: next.disabled, now: now))
                guard !updated.isEmpty else { throw Access.moved("the user") }
                let groupsChanged = Set(next.groupIDs) != Set(old.groupIDs)
                if groupsChanged {
                    try await tx.run([UserTable.leaveAllGroups(id)])
                    try await tx.run(next.groupIDs.map { UserTable.join($0, id) })
                }
                let line = AuditLine(
                    "user.update", by: actor, ("user", id.description, next.name),
                    Access.fields([
                        ("username", next.name != old.name), ("display_name", next.displayName != old.displayName),
                        ("email", next.email != old.email), ("group_ids", groupsChanged),
                        ("session_seconds", next.sessionSeconds != old.sessionSeconds),
                        ("disabled", next.disabled != old.disabled), ("password", hash != nil),
                    ]))
                var effects = try await consequences(
                    id, disabled: next.disabled && !old.disabled, password: hash != nil, at: now, by: actor, context,
                    line, tx)
                effects.users.insert(id)
                return (try await user(id, tx), effects)
            }
        }
    }

    /// Deletes a user; everything the user holds ends first.
    ///
    /// - Throws: ``AccessError``: not found, stale.
    public func deleteUser(
        _ id: UserID, version: Int64? = nil, by actor: Actor, _ context: RequestContext
    ) async throws {
        try await write { tx in
            let old = try await user(id, tx)
            try checkVersion(version, old.version, what: "the user")
            let now = late
            let held = try await tx.run([
                UserTable.hold(id, version: version), SessionTable.end(of: id, at: now, reason: "user_deleted"),
            ])
            guard !held[0].isEmpty else { throw Access.moved("the user") }
            let ending = try await end(.user(id), reason: "user_deleted", at: now, tx)
            let line = AuditLine("user.delete", by: actor, ("user", id.description, old.name))
            var effects = try await settle(ending, at: now, by: actor, context, cut: true, extra: [line], tx)
            effects.users.insert(id)
            try await tx.run(UserTable.delete(id))
            return ((), effects)
        }
    }

    /// What a change of a user ends. Sessions are locked before grants are looked at, so that one being made is seen.
    private func consequences(
        _ id: UserID, disabled: Bool, password: Bool, at now: Timestamp, by actor: Actor, _ context: RequestContext,
        _ line: AuditLine, _ tx: any Transaction
    ) async throws -> Effects {
        let ending: Ending
        if disabled || password {
            let reason = disabled ? "user_disabled" : "password_changed"
            try await tx.run(SessionTable.end(of: id, at: now, reason: reason))
            ending = try await end(.user(id), reason: reason, at: now, tx)
        } else {
            try await tx.run(SessionTable.lock(of: id))
            ending = try await end(.wrongful(of: id), reason: "right_gone", at: now, tx)
        }
        return try await settle(ending, at: now, by: actor, context, cut: disabled, extra: [line], tx)
    }

    private func check(displayName: String?, email: String?, sessionSeconds: Int64?) throws {
        try checkText(displayName, atMost: 128, field: "display_name")
        try checkText(email, atMost: 254, field: "email")
        try checkSeconds(sessionSeconds, atLeast: 1, field: "session_seconds")
    }

    func user(_ id: UserID, _ executor: any Executor) async throws -> UserRecord {
        guard let user = try users(try await executor.run(UserTable.one(id))).first else {
            throw Access.none("user", id)
        }
        return user
    }

    /// Folds the rows of users, one for each group.
    private func users(_ rows: [Row]) throws -> [UserRecord] {
        var users: [UserRecord] = []
        for row in rows {
            let id: UserID = try row.identifier("id")
            let group = try row.identifierIfPresent("group_id", as: GroupID.self)
            if users.last?.id == id {
                if let group { users[users.count - 1].groupIDs.append(group) }
                continue
            }
            users.append(
                UserRecord(
                    id: id, name: try row.text("name"), displayName: try row.optional("display_name", row.text),
                    email: try row.optional("email", row.text), groupIDs: group.map { [$0] } ?? [],
                    sessionSeconds: try row.optional("session_seconds", row.integer),
                    disabled: try row.bool("disabled"), version: try row.integer("version"),
                    createdAt: try row.timestamp("created_at")))
        }
        return users
    }
}
