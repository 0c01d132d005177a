public import KnocknocModel
import KnocknocProtocol
import KnocknocRelease
import KnocknocStore

extension Access {
    /// Agents in the order of their making, those after `after`.
    ///
    /// - Parameter zone: those that stand in it; nil for all.
    public func listAgents(
        after: AgentID? = nil, limit: Int = 100, zone: String? = nil
    ) async throws -> [AgentRecord] {
        try await database.run(AgentTable.list(after: after, limit: limit, zone: zone)).map(agent)
    }

    /// Zones that agents stand in, by name, 500 at most.
    public func agentZones() async throws -> [String] {
        try await database.run(AgentTable.zones(limit: 500)).map { try $0.text("zone") }
    }

    /// - Throws: ``AccessError`` not found.
    public func agent(_ id: AgentID) async throws -> AgentRecord { try await agent(id, database) }

    /// The agent with this name or id.
    ///
    /// - Throws: ``AccessError`` not found.
    public func agent(called text: String) async throws -> AgentRecord {
        if let row = try await database.run(AgentTable.called(Access.lookUpKey(text))).first { return try agent(row) }
        guard let id = AgentID(text) else { throw Access.none("agent named", text) }
        return try await agent(id)
    }

    /// How many rights are live that this agent opens something for.
    public func openGrants(through id: AgentID) async throws -> Int64 {
        try await database.run(AgentTable.openGrants(id)).first?.integer("n") ?? 0
    }

    /// Makes an agent; its token is shown this once.
    ///
    /// - Throws: ``AccessError``: invalid, duplicate.
    public func createAgent(
        _ draft: AgentDraft, by actor: Actor, _ context: RequestContext?
    ) async throws -> (agent: AgentRecord, token: String) {
        let (name, key) = try checkedName(draft.name, what: "an agent")
        let zone = try draft.zone.map { try checkedZone($0) }
        let token = if let given = draft.token { try await checkedToken(given) } else { Secret.new() }
        let record = try await refusing("an agent", name: name) {
            try await write { tx in
                let now = try await clock(tx)
                let id = try await insertAgent(
                    name, key, zone: zone, embedded: false, token: Secret.hash(token), at: now, by: actor, context, tx)
                return (try await agent(id, tx), Effects())
            }
        }
        return (record, token)
    }

    func insertAgent(
        _ name: String, _ key: String, id given: AgentID? = nil, zone: String?, embedded: Bool, token hash: [UInt8],
        at now: Timestamp, by actor: Actor, _ context: RequestContext?, from address: IPAddress? = nil,
        _ tx: any Transaction
    ) async throws -> AgentID {
        let id = given ?? new()
        try await tx.run([
            AgentTable.insert(
                id, name: name, key: key, zone: zone, embedded: embedded, token: hash,
                change: Secret.new(), now: now),
            AgentTable.noteRevision(id, now: now),
            try audit(
                AuditLine("agent.create", by: actor, ("agent", id.description, name)), at: now, context, from: address),
        ])
        return id
    }

    /// Changes an agent. Disabling it takes its link; its guards stay closed.
    ///
    /// - Throws: ``AccessError``: not found, invalid, duplicate, stale.
    public func updateAgent(
        _ id: AgentID, _ patch: AgentPatch, version: Int64? = nil, by actor: Actor, _ context: RequestContext?
    ) async throws -> AgentRecord {
        let wanted = try patch.name.map { try checkedName($0, what: "an agent").name }
        let (record, hasMoved) = try await refusing("an agent", name: wanted ?? "") {
            try await write { tx in
                let old = try await agent(id, tx)
                try checkVersion(version, old.version, what: "the agent")
                let name = wanted ?? old.name
                var zone = patch.zone.applied(to: old.zone)
                if zone != old.zone { zone = try zone.map { try checkedZone($0) } }
                if name != old.name || zone != old.zone { try Self.refuseDeclared(old) }
                let disabled = patch.disabled ?? old.disabled
                let now = late
                let updated = try await tx.run(
                    AgentTable.update(
                        id, version: old.version, name: name, key: NameRule.key(name), zone: zone, disabled: disabled,
                        now: now))
                guard !updated.isEmpty else { throw Access.moved("the agent") }
                let changes = Access.fields([
                    ("name", name != old.name), ("zone", zone != old.zone), ("disabled", disabled != old.disabled),
                ])
                var statements = [
                    try audit(
                        AuditLine("agent.update", by: actor, ("agent", id.description, name), changes), at: now,
                        context)
                ]
                var effects = Effects()
                if disabled != old.disabled {
                    statements += bump([id]) + AgentTable.forgetConfirmations(id, now: now) + note([id], at: now)
                    effects.agents = [id]
                    effects.everybody = true
                }
                try await tx.run(statements)
                let hasMoved = zone != old.zone || disabled != old.disabled
                return ((try await agent(id, tx), hasMoved), effects)
            }
        }
        if hasMoved { await followZones() }
        return record
    }

    /// Deletes an agent; its sets are emptied when its link ends, its guards stay closed.
    ///
    /// - Throws: ``AccessError``: not found, stale.
    public func deleteAgent(
        _ id: AgentID, version: Int64? = nil, by actor: Actor, _ context: RequestContext?
    ) async throws {
        try await write { tx in
            let old = try await agent(id, tx)
            try checkVersion(version, old.version, what: "the agent")
            try Self.refuseDeclared(old)
            try await tx.run(RevokedTokenTable.keep(id, at: late))
            let deleted = try await tx.run([AgentTable.touchKnocs(id), AgentTable.delete(id, version: version)])
            guard !deleted[1].isEmpty else { throw Access.moved("the agent") }
            try await tx.run(
                try audit(
                    AuditLine("agent.delete", by: actor, ("agent", id.description, old.name)), at: late, context))
            return ((), Effects(agents: [id], everybody: true))
        }
        await followZones()
    }

    /// Makes the offered keys the pinned ones, where they have the fingerprint that the administrator compared.
    ///
    /// - Throws: ``AccessError``: not found; invalid where another key, or none, is offered.
    public func approveKey(
        of id: AgentID, fingerprint: String, by actor: Actor, _ context: RequestContext
    ) async throws -> AgentRecord {
        try await write { tx in
            guard let row = try await tx.run(LinkTable.keys(id)).first else { throw Access.none("agent", id) }
            let signing = try row.optional("offered_signing_key", row.text)
            let sealing = try row.optional("offered_sealing_key", row.text)
            guard let signing, let sealing,
                Secret.fingerprint(signing: signing, sealing: sealing) == fingerprint
            else {
                throw AccessError(
                    .invalid, "this agent does not offer a key with the fingerprint \(fingerprint)",
                    field: "fingerprint")
            }
            try await tx.run([
                LinkTable.approve(id, signingKey: signing, sealingKey: sealing),
                try audit(
                    AuditLine(
                        "agent.approve_key", by: actor, ("agent", id.description, try row.text("name")),
                        ["fingerprint": fingerprint]), at: late, context),
            ])
            return (try await agent(id, tx), Effects(agents: [id]))
        }
    }

    func agent(_ id: AgentID, _ executor: any Executor) async throws -> AgentRecord {
        guard id != .server, let row = try await executor.run(AgentTable.one(id)).first else {
            throw Access.none("agent", id)
        }
        return try agent(row)
    }

    private func agent(_ row: Row) throws -> AgentRecord {
        let now = try row.now(self)
        let seen = try row.optional("last_seen_at", row.timestamp)
        let disabled = try row.bool("disabled")
        let protocols = try row.optional("protocol", row.integer)
        let software = try row.optional("software", row.text)
        let status = AgentStatusRule.status(
            AgentStatusRule.Facts(
                disabled: disabled, closed: try !row.isNull("closed_at"), lastSeen: seen,
                duplicate: try row.optional("duplicate_at", row.timestamp), now: now,
                isOutdated: (protocols ?? .max) < Int64(Codec.protocols.upperBound)
                    || software.map(Release.isNewer(than:)) ?? false))
        return AgentRecord(
            id: try row.identifier("id"), name: try row.text("name"), zone: try row.optional("zone", row.text),
            toldZone: try row.optional("told_zone", row.text), isEdge: try row.bool("edge"), disabled: disabled,
            embedded: try row.bool("embedded"), declaredBy: try row.optional("declared_by", row.text), status: status,
            node: try row.optional("node", row.text), connectedAt: try row.optional("connected_at", row.timestamp),
            lastSeenAt: seen, software: software,
            machine: try row.optional("machine", row.text), system: try row.optional("system", row.text),
            capabilities: try row.optional("capabilities", row.text).map { try JSON.value($0) } ?? [:],
            fingerprint: try fingerprint(row, "signing_key", "sealing_key"),
            offeredFingerprint: try fingerprint(row, "offered_signing_key", "offered_sealing_key"),
            duplicateAddress: status == .duplicate ? try row.optional("duplicate_address", row.text) : nil,
            entriesApplied: try row.integer("entries_applied"), entriesWanted: try row.integer("entries_wanted"),
            version: try row.integer("version"), createdAt: try row.timestamp("created_at"))
    }

    private func fingerprint(_ row: Row, _ signing: String, _ sealing: String) throws -> String? {
        guard let signing = try row.optional(signing, row.text), let sealing = try row.optional(sealing, row.text)
        else { return nil }
        return Secret.fingerprint(signing: signing, sealing: sealing)
    }
}
