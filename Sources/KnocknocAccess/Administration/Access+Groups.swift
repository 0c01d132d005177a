public import KnocknocModel
import KnocknocStore

extension Access {
    /// Groups in the order of their making, those after `after`.
    public func listGroups(after: GroupID? = nil, limit: Int = 100) async throws -> [GroupRecord] {
        try await database.run(GroupTable.list(after: after, limit: limit)).map(group)
    }

    /// - Throws: ``AccessError`` not found.
    public func group(_ id: GroupID) async throws -> GroupRecord { try await group(id, database) }

    /// - Throws: ``AccessError``: invalid, duplicate.
    public func createGroup(
        _ draft: GroupDraft, by actor: Actor, _ context: RequestContext
    ) async throws -> GroupRecord {
        let (name, key) = try checkedName(draft.name, what: "a group")
        try check(kind: draft.kind, claim: draft.claim)
        return try await refusing("a group", name: name) {
            try await write { tx in
                let now = try await clock(tx)
                let id: GroupID = new()
                try await tx.run([
                    GroupTable.insert(id, name: name, key: key, kind: draft.kind, claim: draft.claim, now: now),
                    try audit(
                        AuditLine("group.create", by: actor, ("group", id.description, name)), at: now, context),
                ])
                return (try await group(id, tx), Effects())
            }
        }
    }

    /// - Throws: ``AccessError``: not found, invalid, duplicate, stale.
    public func updateGroup(
        _ id: GroupID, _ patch: GroupPatch, version: Int64? = nil, by actor: Actor, _ context: RequestContext
    ) async throws -> GroupRecord {
        let wanted = try patch.name.map { try checkedName($0, what: "a group").name }
        return try await refusing("a group", name: wanted ?? "") {
            try await write { tx in
                let old = try await group(id, tx)
                try checkVersion(version, old.version, what: "the group")
                let name = wanted ?? old.name
                let kind = patch.kind ?? old.kind
                let claim = patch.claim.applied(to: old.claim)
                try check(kind: kind, claim: claim)
                let now = late
                let updated = try await tx.run(
                    GroupTable.update(
                        id, version: old.version, name: name, key: NameRule.key(name), kind: kind, claim: claim,
                        now: now))
                guard !updated.isEmpty else { throw Access.moved("the group") }
                let changes = Access.fields([
                    ("name", name != old.name), ("kind", kind != old.kind), ("claim", claim != old.claim),
                ])
                try await tx.run(
                    try audit(
                        AuditLine("group.update", by: actor, ("group", id.description, name), changes), at: now,
                        context))
                return (try await group(id, tx), Effects())
            }
        }
    }

    /// Deletes a group; grants that were held through it alone end.
    ///
    /// - Throws: ``AccessError``: not found, stale.
    public func deleteGroup(
        _ id: GroupID, version: Int64? = nil, by actor: Actor, _ context: RequestContext
    ) async throws {
        try await write { tx in
            let old = try await group(id, tx)
            try checkVersion(version, old.version, what: "the group")
            let now = late
            // Once more when nobody can give it another: those given to it meanwhile are its Knocs too.
            let held = try await tx.run([
                GroupTable.touchKnocs(id), GroupTable.hold(id, version: version), GroupTable.touchKnocs(id),
            ])
            guard !held[1].isEmpty else { throw Access.moved("the group") }
            try await tx.run(GroupTable.delete(id))
            var ending = Ending(reason: "right_gone")
            let batch = 500
            var ended = batch
            while ended == batch {
                let some = try await end(.allWrongful(limit: batch), reason: "right_gone", at: now, tx)
                ended = some.grants.count
                ending.merge(some)
            }
            let line = AuditLine("group.delete", by: actor, ("group", id.description, old.name))
            var effects = try await settle(ending, at: now, by: actor, context, extra: [line], tx)
            effects.everybody = true
            return ((), effects)
        }
    }

    private func check(kind: GroupKind, claim: String?) throws {
        try checkText(claim, atMost: 256, field: "claim")
        if kind == .local, claim != nil {
            throw AccessError(.invalid, "a local group has no claim; its kind would be sso or dynamic", field: "claim")
        }
        if kind != .local, claim?.isEmpty != false {
            throw AccessError(
                .invalid, "a group of kind \(kind.rawValue) needs the claim that makes a member", field: "claim")
        }
    }

    private func group(_ id: GroupID, _ executor: any Executor) async throws -> GroupRecord {
        guard let row = try await executor.run(GroupTable.one(id)).first else { throw Access.none("group", id) }
        return try group(row)
    }

    private func group(_ row: Row) throws -> GroupRecord {
        GroupRecord(
            id: try row.identifier("id"), name: try row.text("name"),
            kind: GroupKind(rawValue: try row.text("kind")) ?? .local, claim: try row.optional("claim", row.text),
            userCount: try row.integer("user_count"), knocCount: try row.integer("knoc_count"),
            version: try row.integer("version"), createdAt: try row.timestamp("created_at"))
    }
}
