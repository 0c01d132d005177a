public import KnocknocModel
import KnocknocStore

extension Access {
    /// Administrators in the order of their making, those after `after`.
    public func listAdmins(after: AdminID? = nil, limit: Int = 100) async throws -> [AdminRecord] {
        try await database.run(AdminTable.list(after: after, limit: limit)).map(admin)
    }

    /// - Throws: ``AccessError`` not found.
    public func admin(_ id: AdminID) async throws -> AdminRecord { try await admin(id, database) }

    /// - Parameter context: nil from the command line.
    /// - Throws: ``AccessError``: invalid, duplicate.
    public func createAdmin(
        _ draft: AdminDraft, by actor: Actor, _ context: RequestContext?
    ) async throws -> AdminRecord {
        let (name, key) = try checkedName(draft.name, what: "an administrator", field: "username")
        let hash = try await hashed(draft.password, context)
        return try await refusing("an administrator", name: name, nameField: "username") {
            try await write { tx in
                let now = try await clock(tx)
                let id = try await insertAdmin(name, key, hash, at: now, by: actor, context, tx)
                return (try await admin(id, tx), Effects())
            }
        }
    }

    func insertAdmin(
        _ name: String, _ key: String, _ hash: String, at now: Timestamp, by actor: Actor,
        _ context: RequestContext?, _ tx: any Transaction
    ) async throws -> AdminID {
        let id: AdminID = new()
        try await tx.run([
            AdminTable.insert(id, name: name, key: key, passwordHash: hash, now: now),
            AdminTable.forgetLinks(),
            try audit(AuditLine("admin.create", by: actor, ("admin", id.description, name)), at: now, context),
        ])
        return id
    }

    /// Changes an administrator; disabling and a new password end the sessions.
    ///
    /// - Throws: ``AccessError``: not found, invalid, duplicate, stale; forbidden for the last one who is enabled.
    public func updateAdmin(
        _ id: AdminID, _ patch: AdminPatch, version: Int64? = nil, by actor: Actor, _ context: RequestContext
    ) async throws -> AdminRecord {
        let hash: String? = if let password = patch.password { try await hashed(password, context) } else { nil }
        let wanted = try patch.name.map { try checkedName($0, what: "an administrator", field: "username").name }
        return try await refusing("an administrator", name: wanted ?? "", nameField: "username") {
            try await write { tx in
                let old = try await admin(id, tx)
                try checkVersion(version, old.version, what: "the administrator")
                let name = wanted ?? old.name
                let disabled = patch.disabled ?? old.disabled
                if disabled, !old.disabled { try await keepOne(besides: id, tx) }
                let now = late
                let updated = try await tx.run(
                    AdminTable.update(
                        id, version: old.version, name: name, key: NameRule.key(name), passwordHash: hash,
                        disabled: disabled, now: now))
                guard !updated.isEmpty else { throw Access.moved("the administrator") }
                if disabled && !old.disabled || hash != nil {
                    try await tx.run(
                        SessionTable.end(of: id, at: now, reason: disabled ? "admin_disabled" : "password_changed"))
                }
                let changes = Access.fields([
                    ("username", name != old.name), ("disabled", disabled != old.disabled), ("password", hash != nil),
                ])
                try await tx.run(
                    try audit(
                        AuditLine("admin.update", by: actor, ("admin", id.description, name), changes), at: now,
                        context))
                return (try await admin(id, tx), Effects())
            }
        }
    }

    /// - Throws: ``AccessError``: not found, stale; forbidden for the last one who is enabled.
    public func deleteAdmin(
        _ id: AdminID, version: Int64? = nil, by actor: Actor, _ context: RequestContext
    ) async throws {
        try await write { tx in
            let old = try await admin(id, tx)
            try checkVersion(version, old.version, what: "the administrator")
            if !old.disabled { try await keepOne(besides: id, tx) }
            let deleted = try await tx.run(AdminTable.delete(id, version: version))
            guard !deleted.isEmpty else {
                throw Access.moved("the administrator")
            }
            try await tx.run(
                try audit(
                    AuditLine("admin.delete", by: actor, ("admin", id.description, old.name)), at: late, context))
            return ((), Effects())
        }
    }

    private func keepOne(besides id: AdminID, _ tx: any Transaction) async throws {
        let enabled = try await tx.run(AdminTable.lockEnabled()).map { try $0.identifier("id", as: AdminID.self) }
        guard enabled.contains(where: { $0 != id }) else {
            throw AccessError(.forbidden, "this is the last administrator who can sign in; make another one first")
        }
    }

    private func admin(_ id: AdminID, _ executor: any Executor) async throws -> AdminRecord {
        guard let row = try await executor.run(AdminTable.one(id)).first else {
            throw Access.none("administrator", id)
        }
        return try admin(row)
    }

    private func admin(_ row: Row) throws -> AdminRecord {
        AdminRecord(
            id: try row.identifier("id"), name: try row.text("name"), disabled: try row.bool("disabled"),
            version: try row.integer("version"), createdAt: try row.timestamp("created_at"))
    }
}
