public import KnocknocModel
import KnocknocStore

extension Access {
    /// Knocs in the order of their making, those after `after`.
    public func listKnocs(after: KnocID? = nil, limit: Int = 100) async throws -> [KnocRecord] {
        try await knocs(try await database.run(KnocTable.list(after: after, limit: limit)), database)
    }

    /// - Throws: ``AccessError`` not found.
    public func knoc(_ id: KnocID) async throws -> KnocRecord { try await knoc(id, database) }

    /// - Throws: ``AccessError``: invalid, duplicate.
    public func createKnoc(_ draft: KnocDraft, by actor: Actor, _ context: RequestContext) async throws -> KnocRecord {
        let (name, key) = try checkedName(draft.name, what: "a Knoc")
        try check(url: draft.url, durationSeconds: draft.durationSeconds, closeAfterSeconds: draft.closeAfterSeconds)
        let zones = try checked(zones: draft.zones)
        let specs = try checked(draft.enforcement)
        let made = try await refusing("a Knoc", name: name, missing: "group_ids") {
            try await write { tx in
                let now = try await clock(tx)
                let id: KnocID = new()
                try await tx.run(
                    [
                        KnocTable.insert(
                            id, name: name, key: key, url: draft.url, grantOn: draft.grantOn,
                            durationSeconds: draft.durationSeconds, openWhen: draft.openWhen,
                            disabled: draft.disabled, now: now),
                        try audit(
                            AuditLine("knoc.create", by: actor, ("knoc", id.description, name)), at: now, context),
                    ] + draft.groupIDs.map { KnocTable.addGroup($0, to: id) })
                let sealed = try await sealed(specs, of: id, tx)
                let terms = EnforcementTerms(
                    specs: sealed, zones: zones, placement: draft.placement,
                    closeAfterSeconds: draft.closeAfterSeconds)
                var effects = try await enforce(id, terms, page: options.zonePage, at: now, tx)
                effects.everybody = true
                return (try await knoc(id, tx), effects)
            }
        }
        guard Set(made.targets.map(\.agentID)).count >= options.zonePage else { return made }
        await followZones()
        return try await knoc(made.id)
    }

    /// Changes a Knoc. Live grants whose right is gone end, a shorter duration shortens those that are left; where it is
    /// enforced elsewhere they move there.
    ///
    /// - Throws: ``AccessError``: not found, invalid, duplicate, stale.
    public func updateKnoc(
        _ id: KnocID, _ patch: KnocPatch, version: Int64? = nil, by actor: Actor, _ context: RequestContext
    ) async throws -> KnocRecord {
        let wanted = try patch.name.map { try checkedName($0, what: "a Knoc").name }
        let given = try patch.enforcement.map { try checked($0) }
        let zones = try patch.zones.map { try checked(zones: $0) }
        return try await refusing("a Knoc", name: wanted ?? "", missing: "group_ids") {
            try await write { tx in
                let old = try await knoc(id, tx)
                try checkVersion(version, old.version, what: "the Knoc")
                var specs = given
                if let given { specs = try await sealed(given, of: id, tx) }
                var next = old
                next.name = wanted ?? old.name
                next.url = patch.url.applied(to: old.url)
                next.grantOn = patch.grantOn ?? old.grantOn
                next.durationSeconds = patch.durationSeconds.applied(to: old.durationSeconds)
                next.openWhen = patch.openWhen ?? old.openWhen
                next.disabled = patch.disabled ?? old.disabled
                next.groupIDs = patch.groupIDs ?? old.groupIDs
                next.enforcement = specs ?? old.enforcement
                next.zones = zones?.terms ?? old.zones
                next.placement = patch.placement ?? old.placement
                next.closeAfterSeconds = patch.closeAfterSeconds.applied(to: old.closeAfterSeconds)
                try check(
                    url: next.url, durationSeconds: next.durationSeconds, closeAfterSeconds: next.closeAfterSeconds)
                let now = late
                let updated = try await tx.run(
                    KnocTable.update(
                        id, version: old.version, name: next.name, key: NameRule.key(next.name), url: next.url,
                        grantOn: next.grantOn, durationSeconds: next.durationSeconds, openWhen: next.openWhen,
                        disabled: next.disabled, now: now))
                guard !updated.isEmpty else { throw Access.moved("the Knoc") }
                let groupsChanged = Set(next.groupIDs) != Set(old.groupIDs)
                if groupsChanged {
                    try await tx.run(
                        [KnocTable.clearGroups(id)] + next.groupIDs.map { KnocTable.addGroup($0, to: id) })
                }
                let reason = next.disabled ? "knoc_disabled" : "right_gone"
                var ending = try await end(.wrongfulKnoc(id), reason: reason, at: now, tx)
                var lines = [
                    AuditLine("knoc.update", by: actor, ("knoc", id.description, next.name), changes(old, next))
                ]
                if let seconds = next.durationSeconds, seconds < old.durationSeconds ?? .max {
                    let shortened = try await shorten(id, to: seconds, at: now, by: actor, tx)
                    ending.merge(shortened.ending)
                    lines += shortened.lines
                }
                var effects = try await settle(ending, at: now, by: actor, context, extra: lines, tx)
                effects.everybody = true
                let isElsewhere =
                    next.zones != old.zones || next.placement != old.placement
                    || next.closeAfterSeconds != old.closeAfterSeconds
                if specs != nil || isElsewhere {
                    effects.merge(try await enforce(id, try EnforcementTerms(next), at: now, tx))
                }
                return (try await knoc(id, tx), effects)
            }
        }
    }

    /// Deletes a Knoc; its grants end, its guards stay closed.
    ///
    /// - Throws: ``AccessError``: not found, stale.
    public func deleteKnoc(
        _ id: KnocID, version: Int64? = nil, by actor: Actor, _ context: RequestContext
    ) async throws {
        try await write { tx in
            let seen = try await knoc(id, tx)
            try checkVersion(version, seen.version, what: "the Knoc")
            let now = late
            let held = try await tx.run(KnocTable.hold(id, version: version))
            guard !held.isEmpty else { throw Access.moved("the Knoc") }
            // Only now does it stay where it is enforced.
            let old = try await knoc(id, tx)
            let ending = try await end(.knoc(id), reason: "knoc_deleted", at: now, tx)
            let agents = Set(old.targets.map(\.agentID)).union(ending.agents)
            var widened = ending
            widened.agents = agents
            let line = AuditLine("knoc.delete", by: actor, ("knoc", id.description, old.name))
            var effects = try await settle(widened, at: now, by: actor, context, extra: [line], tx)
            effects.everybody = true
            try await tx.run([KnocTable.delete(id)] + TargetTable.release(agents.sorted()))
            try await setTerms(old.targets.map(\.id), tx)
            return ((), effects)
        }
    }

    private func changes(_ old: KnocRecord, _ next: KnocRecord) -> [String: String] {
        Access.fields([
            ("name", old.name != next.name), ("url", old.url != next.url),
            ("group_ids", Set(old.groupIDs) != Set(next.groupIDs)), ("grant_on", old.grantOn != next.grantOn),
            ("duration_seconds", old.durationSeconds != next.durationSeconds),
            ("open_when", old.openWhen != next.openWhen), ("disabled", old.disabled != next.disabled),
            ("enforcement", old.enforcement != next.enforcement), ("zones", old.zones != next.zones),
            ("placement", old.placement != next.placement),
            ("close_after_seconds", old.closeAfterSeconds != next.closeAfterSeconds),
        ])
    }

    private func check(url: String?, durationSeconds: Int64?, closeAfterSeconds: Int64?) throws {
        try checkSeconds(durationSeconds, atLeast: 1, field: "duration_seconds")
        try checkSeconds(closeAfterSeconds, atLeast: ClosingBackend.leastSeconds, field: "close_after_seconds")
        guard let url else { return }
        try checkText(url, atMost: 2048, field: "url")
        let schemes = ["http://", "https://", "ssh://", "rdp://", "vnc://", "ftp://", "sftp://"]
        let plain = url.utf8.allSatisfy { $0 > 32 && $0 < 127 }
        guard plain, schemes.contains(where: { url.lowercased().hasPrefix($0) && url.count > $0.count }) else {
            throw AccessError(
                .invalid, "url: \"\(url)\" is not an address such as https://wiki.example.com", field: "url")
        }
    }

    func knoc(_ id: KnocID, _ executor: any Executor) async throws -> KnocRecord {
        let rows = try await executor.run(KnocTable.one(id))
        guard let knoc = try await knocs(rows, executor).first else { throw Access.none("Knoc", id) }
        return knoc
    }

    private func knocs(_ rows: [Row], _ executor: any Executor) async throws -> [KnocRecord] {
        let ids = try rows.map { try $0.identifier("id", as: KnocID.self) }
        guard !ids.isEmpty else { return [] }
        var groups: [KnocID: [GroupID]] = [:]
        for row in try await executor.run(KnocTable.groups(ids)).joined() {
            groups[try row.identifier("knoc_id"), default: []].append(try row.identifier("group_id"))
        }
        var specs: [KnocID: [EnforcementSpec]] = [:]
        var targets: [KnocID: [TargetStatus]] = [:]
        let zoned = try rows.filter { try EnforcementTerms.isZoned($0) }.map {
            try $0.identifier("id", as: KnocID.self)
        }
        for row in try await executor.run(KnocTable.targets(ids)).joined() {
            let id: KnocID = try row.identifier("knoc_id")
            var status = try target(row)
            status.isPlaced = try row.bool("placed")
            targets[id, default: []].append(status)
            guard !zoned.contains(id) else { continue }
            specs[id, default: []].append(
                EnforcementSpec(agentID: status.agentID, backend: try JSON.backend(try row.text("given"))))
        }
        if !zoned.isEmpty {
            let places = try await places(zoned, executor)
            specs.merge(places) { _, place in place }
        }
        let lists = try await allowLists(of: ids, executor)
        return try rows.map { row in
            let id: KnocID = try row.identifier("id")
            return KnocRecord(
                id: id, name: try row.text("name"), url: try row.optional("url", row.text),
                groupIDs: groups[id] ?? [], grantOn: GrantOn(rawValue: try row.text("grant_on")) ?? .click,
                durationSeconds: try row.optional("duration_seconds", row.integer),
                openWhen: OpenWhen(rawValue: try row.text("open_when")) ?? .all, enforcement: specs[id] ?? [],
                zones: try JSON.value(try row.text("zones")),
                placement: Placement(rawValue: try row.text("placement")) ?? .all,
                closeAfterSeconds: try row.optional("close_after_seconds", row.integer),
                disabled: try row.bool("disabled"), targets: targets[id] ?? [],
                allowList: lists[id], version: try row.integer("version"),
                createdAt: try row.timestamp("created_at"))
        }
    }
}
