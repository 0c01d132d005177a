import KnocknocModel
import KnocknocStore

extension Access {
    /// Makes a Knoc be enforced at these places and no other; its live grants move with it. The Knoc's row is
    /// locked already. All agents, old and new, are bumped before anything of theirs is touched.
    func enforce(
        _ knoc: KnocID, _ specs: [EnforcementSpec], at now: Timestamp, by actor: Actor, _ context: RequestContext,
        _ tx: any Transaction
    ) async throws -> Effects {
        let before = try await tx.run([TargetTable.agents(ofKnoc: knoc), TargetTable.ids(ofKnoc: knoc)])
        let old = Set(try before[1].map { try $0.identifier("target_id", as: TargetID.self) })
        let live = try await tx.run(GrantTable.lockLive(of: knoc))
        let agents = Set(try before[0].map { try $0.identifier("agent_id", as: AgentID.self) })
            .union(specs.map(\.agentID))
        guard !agents.isEmpty else { return Effects() }
        let bumped = try await tx.run(bump(agents))
        for (agent, rows) in zip(agents.sorted(), bumped) where rows.isEmpty {
            throw AccessError(.invalid, "there is no agent \(agent)", field: "enforcement")
        }
        var targets: [TargetID] = []
        for spec in specs { targets.append(try await target(for: spec, of: knoc, at: now, tx)) }
        try await tx.run(
            [KnocTable.clearTargets(knoc)]
                + (try zip(targets, specs).enumerated().map { position, pair in
                    KnocTable.addTarget(
                        pair.0, to: knoc, position: position, backend: try JSON.text(pair.1.backend))
                }))
        try await leave(knoc, old.subtracting(targets), at: now, tx)
        let added = zip(targets, specs).filter { !old.contains($0.0) }.map {
            GrantPlan.Place(id: $0.0, agent: $0.1.agentID, ipv6Prefix: $0.1.backend.ipv6Prefix)
        }
        let needs = specs.contains { $0.backend.ipv6Prefix != nil } ? Backend.prefixFeature : ""
        try await tx.run(KnocTable.need(needs, of: knoc))
        try await tx.run(try live.flatMap { try move($0, to: added, at: now) })
        try await tx.run(TargetTable.release(agents.sorted()) + note(agents, at: now))
        let users = try live.map { try $0.identifier("user_id", as: UserID.self) }
        return Effects(agents: agents, users: Set(users))
    }

    /// The target of a backend on its agent: the one that is there already, or a new one.
    private func target(
        for spec: EnforcementSpec, of knoc: KnocID, at now: Timestamp, _ tx: any Transaction
    ) async throws -> TargetID {
        let key = spec.backend.targetKey(of: knoc)
        let json = try JSON.text(spec.backend)
        guard let row = try await tx.run(TargetTable.find(spec.agentID, key: key)).first else {
            let id: TargetID = new()
            try await tx.run(
                TargetTable.insert(
                    id, agent: spec.agentID, key: key, backend: json, ipv6Prefix: spec.backend.ipv6Prefix,
                    confirmed: !spec.backend.isTried, now: now))
            return id
        }
        let id: TargetID = try row.identifier("id")
        let purpose = TargetDefinition.Purpose(rawValue: try row.text("purpose")) ?? .enforce
        // A released guard still drops, so taking it up again is not new; one that was taken away is.
        let wasConfirmed = try row.bool("confirmed")
        let confirmed = !spec.backend.isTried || (purpose != .unguard && wasConfirmed)
        // A secret that was sealed anew is the same object with another value.
        let isSealedAnew = try spec.backend.hasSecrets && row.text("backend") != json
        if purpose != .enforce || !confirmed || !wasConfirmed || isSealedAnew {
            try await tx.run(TargetTable.change(id, purpose: .enforce, confirmed: confirmed, backend: json))
        }
        return id
    }

    /// Takes the Knoc's live grants off targets that it has no more.
    private func leave(
        _ knoc: KnocID, _ targets: Set<TargetID>, at now: Timestamp, _ tx: any Transaction
    ) async throws {
        guard !targets.isEmpty else { return }
        let rows = try await tx.run(EntryTable.ofLiveGrants(knoc: knoc, targets: targets.sorted())).joined()
        let entries = Set(try rows.map { try $0.identifier("entry_id", as: EntryID.self) }).sorted()
        try await tx.run(
            EntryTable.unlink(knoc: knoc, entries: entries) + EntryTable.recompute(entries, now: now)
                + EntryTable.follow(entries, now: now, cut: false))
    }

    private func move(_ grant: Row, to targets: [GrantPlan.Place], at now: Timestamp) throws -> [Statement] {
        let id: GrantID = try grant.identifier("id")
        let address = try grant.address("address")
        let until = try grant.timestamp("expires_at")
        return targets.flatMap { target -> [Statement] in
            let entry = target.entry(address)
            return [
                EntryTable.forgetExpired(target: target.id, address: entry, now: now),
                EntryTable.open(new(), target: target.id, address: entry, expiresAt: until),
                EntryTable.link(grant: id, target: target.id, address: entry),
                EntryTable.enforce(agent: target.agent, target: target.id, address: entry, now: now),
            ]
        }
    }
}

extension Backend {
    /// Whether values are sealed in it.
    var hasSecrets: Bool {
        if case .script(let value) = self { !value.sealed.isEmpty } else { false }
    }

    /// Whether it is on trial when it is new: a guard, unless whoever made it says that no trial is needed.
    var isTried: Bool {
        if case .nftablesGuard(let value) = self { value.trialSeconds > 0 } else { false }
    }
}
