import KnocknocModel
import KnocknocStore

extension Access {
    /// Makes a Knoc be enforced on these terms and no other; its live grants move with it. The Knoc's row is locked
    /// already.
    ///
    /// - Parameter page: on how many agents of its zones a new Knoc begins; it comes to the others by following its zones.
    func enforce(
        _ knoc: KnocID, _ terms: EnforcementTerms, page: Int = .max, at now: Timestamp, _ tx: any Transaction
    ) async throws -> Effects {
        var statements = [
            KnocTable.setTerms(
                knoc, zones: try JSON.text(terms.zones.terms), placement: terms.placement,
                closeAfterSeconds: terms.closeAfterSeconds, features: terms.features.joined(separator: " ")),
            ZoneTable.clearPlaces(knoc),
        ]
        let known = try await zonedAgents(terms, tx)
        for (index, spec) in terms.specs.enumerated() {
            if let agent = spec.agentID, terms.isZoned, !known.contains(where: { $0.id == agent }) {
                throw AccessError(.invalid, "there is no agent \(agent)", field: "enforcement")
            }
            guard terms.isZoned else { continue }
            statements.append(
                ZoneTable.addPlace(
                    knoc, position: index, agent: spec.agentID, zone: spec.zone,
                    backend: try JSON.text(spec.backend)))
        }
        let before = try await tx.run(statements + [ZoneTable.spots(knoc)]).last ?? []
        let held = try before.map(HeldSpot.init)
        let spots = spots(of: knoc, terms, known, held, leavingSilent: false)
        let agents = Set(held.map(\.agent)).union(spots.map(\.agent)).sorted().prefix(terms.isZoned ? page : .max)
        return try await enforce(knoc, terms, spots, held, on: Set(agents), at: now, tx)
    }

    /// Where the terms put a Knoc now.
    func spots(
        of knoc: KnocID, _ terms: EnforcementTerms, _ agents: [ZonedAgent], _ held: [HeldSpot], leavingSilent: Bool
    ) -> [ZonePlan.Spot] {
        guard terms.isZoned else {
            return terms.specs.enumerated().compactMap { index, spec in
                spec.agentID.map { ZonePlan.Spot(item: index, agent: $0) }
            }
        }
        let holding = Dictionary(grouping: held.filter(\.isPlaced), by: \.key).mapValues { Set($0.map(\.agent)) }
        return terms.plan(of: knoc).spots(agents, holding: holding, leavingSilent: leavingSilent)
    }

    /// Does on some agents what the spots say; what stands on others is left alone. All of them, old and new, are
    /// bumped before anything of theirs is touched.
    ///
    /// - Parameter follows: whether no administrator is there who could confirm a guard on trial: one that was confirmed
    ///   on another agent of the Knoc is confirmed here too, since it would open again by itself otherwise.
    func enforce(
        _ knoc: KnocID, _ terms: EnforcementTerms, _ spots: [ZonePlan.Spot], _ held: [HeldSpot],
        on agents: Set<AgentID>, at now: Timestamp, follows: Bool = false, _ tx: any Transaction
    ) async throws -> Effects {
        // Keys and lists are changed by turns, with the site's own stream as the lock.
        let agents = agents.union(terms.specs.contains { $0.backend.isAllowList } ? [.server] : [])
        guard !agents.isEmpty else { return Effects() }
        var live = try await tx.run(GrantTable.lockLive(of: knoc))
        let prefixes = spots.filter { $0.isPlaced && agents.contains($0.agent) }
            .map { terms.specs[$0.item].backend.ipv6Prefix }
        let ending = try await endRefused(&live, prefixes, at: now, tx)
        var effects = Effects()
        if !ending.grants.isEmpty {
            try await tx.run(bump(agents.union(ending.agents)))
            effects = try await settle(ending, at: now, by: .system, nil, tx)
        }
        let bumped = try await tx.run(bump(agents))
        for (agent, rows) in zip(agents.sorted(), bumped) where rows.isEmpty {
            throw AccessError(.invalid, "there is no agent \(agent)", field: "enforcement")
        }
        let held = held.filter { agents.contains($0.agent) }
        let spots = spots.filter { agents.contains($0.agent) }
        let service = try await service(of: knoc, terms.specs, at: now, tx)
        var targets: [TargetID] = []
        for spot in spots {
            let backend = terms.specs[spot.item].backend.served(by: service)
            var isTried = backend.isTried
            if isTried, follows {
                let key = backend.targetKey(of: knoc)
                isTried = try await tx.run(TargetTable.confirmed(knoc, key: key, besides: spot.agent)).isEmpty
            }
            targets.append(try await target(for: backend, isTried: isTried, on: spot.agent, of: knoc, at: now, tx))
        }
        try await tx.run(
            ZoneTable.clearSpots(knoc, on: agents.sorted())
                + (try zip(targets, spots).map { target, spot in
                    ZoneTable.addSpot(
                        target, to: knoc, position: spot.item, backend: try JSON.text(terms.specs[spot.item].backend),
                        isPlaced: spot.isPlaced)
                }))
        let old = Set(held.filter(\.isPlaced).map(\.target))
        let placed = zip(targets, spots).filter(\.1.isPlaced)
        try await leave(knoc, old.subtracting(placed.map(\.0)), at: now, tx)
        let added = placed.filter { !old.contains($0.0) }.map {
            GrantPlan.Place(
                id: $0.0, agent: $0.1.agent, ipv6Prefix: terms.specs[$0.1.item].backend.ipv6Prefix)
        }
        try await tx.run(try live.flatMap { try move($0, to: added, at: now) })
        try await tx.run(TargetTable.release(agents.sorted()))
        try await setTerms(held.map(\.target) + targets, tx)
        try await tx.run(note(agents, at: now))
        let users = try live.map { try $0.identifier("user_id", as: UserID.self) }
        effects.merge(Effects(agents: agents, users: Set(users)))
        return effects
    }

    /// Ends the live grants whose networks may not be let in, and takes them out.
    private func endRefused(
        _ live: inout [Row], _ prefixes: [Int?], at now: Timestamp, _ tx: any Transaction
    ) async throws -> Ending {
        var ending = Ending(reason: "network_refused")
        var kept: [Row] = []
        for row in live {
            if try refusal(row.address("address"), prefixes: prefixes) == nil {
                kept.append(row)
            } else {
                ending.merge(
                    try await end(.grant(try row.identifier("id")), reason: ending.reason, at: now, tx))
            }
        }
        live = kept
        return ending
    }

    /// Has targets close without a server as early as any of their Knocs says; their agents are bumped already.
    func setTerms(_ targets: [TargetID], _ tx: any Transaction) async throws {
        guard !targets.isEmpty else { return }
        var statements: [Statement] = []
        for row in try await tx.run(ZoneTable.closings(Set(targets).sorted())).joined() {
            var closing = try JSON.closing(try row.text("backend"))
            let seconds = try row.optional("seconds", row.integer)
            guard closing.closeAfterSeconds != seconds else { continue }
            closing.closeAfterSeconds = seconds
            statements.append(
                ZoneTable.setTerms(try row.identifier("id"), backend: try JSON.text(closing)))
        }
        try await tx.run(statements)
    }

    /// The target of a backend on its agent: the one that is there already, or a new one.
    private func target(
        for backend: Backend, isTried: Bool, on agent: AgentID, of knoc: KnocID, at now: Timestamp,
        _ tx: any Transaction
    ) async throws -> TargetID {
        let key = backend.targetKey(of: knoc)
        let json = try JSON.text(backend)
        guard let row = try await tx.run(TargetTable.find(agent, key: key)).first else {
            let id: TargetID = new()
            try await tx.run(
                TargetTable.insert(
                    id, agent: agent, key: key, backend: json, ipv6Prefix: backend.ipv6Prefix,
                    endsAlone: backend.promise?.endsByItself ?? true, confirmed: !isTried, now: now))
            return id
        }
        let id: TargetID = try row.identifier("id")
        let purpose = TargetDefinition.Purpose(rawValue: try row.text("purpose")) ?? .enforce
        // A released guard still drops, so taking it up again is not new; one that was taken away is.
        let wasConfirmed = try row.bool("confirmed")
        let confirmed = !isTried || (purpose != .unguard && wasConfirmed)
        // A secret that was sealed anew is the same object with another value, and so is a list with other keys.
        let isValued = backend.hasSecrets || backend.isAllowList
        let isAnother = try isValued && JSON.closing(try row.text("backend")).backend != backend
        if purpose != .enforce || !confirmed || !wasConfirmed || isAnother {
            try await tx.run(TargetTable.change(id, purpose: .enforce, confirmed: confirmed, backend: json))
        }
        return id
    }

    /// Ends the Knoc's live grants on targets that it has no more. They stay linked there: until its agent has confirmed
    /// it, nobody may be told that it is closed.
    private func leave(
        _ knoc: KnocID, _ targets: Set<TargetID>, at now: Timestamp, _ tx: any Transaction
    ) async throws {
        guard !targets.isEmpty else { return }
        let rows = try await tx.run(EntryTable.ofLiveGrants(knoc: knoc, targets: targets.sorted())).joined()
        let entries = Set(try rows.map { try $0.identifier("entry_id", as: EntryID.self) }).sorted()
        try await tx.run(
            EntryTable.recompute(entries, now: now) + EntryTable.follow(entries, now: now, cut: false))
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
