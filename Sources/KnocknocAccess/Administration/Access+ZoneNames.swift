import KnocknocModel
import KnocknocStore

extension Access {
    /// What names this zone, in any spelling.
    ///
    /// - Throws: ``AccessError`` invalid where it is no name of a zone.
    public func users(ofZone zone: String) async throws -> ZoneRenaming {
        try await users(ofZone: try checkedZone(zone), database)
    }

    /// Gives a zone another name, in agents and Knocs: nothing opens or closes by that. Agents whose own files name the old
    /// one are put into the new one, which counts before what they say.
    ///
    /// - Returns: what was changed.
    /// - Throws: ``AccessError``: not found where nothing names it; invalid where it is no name of a zone, or one that is in
    ///   use, since two zones would become one.
    public func renameZone(
        _ old: String, to new: String, by actor: Actor, _ context: RequestContext?
    ) async throws -> ZoneRenaming {
        let old = try checkedZone(old)
        let new = try checkedZone(new)
        return try await write { tx in
            // The Knocs first, as everywhere, which keeps grants and other changes of them out.
            for knoc in try await users(ofZone: old, tx).knocs { try await tx.run(KnocTable.hold(knoc)) }
            let users = try await users(ofZone: old, tx)
            guard !users.isEmpty else { throw Access.none("agent or Knoc in a zone", old) }
            if ZoneSelection.key(new) != ZoneSelection.key(old) {
                let others = try await self.users(ofZone: new, tx)
                guard others.isEmpty else {
                    let agents = others.agents.count + others.told.count
                    throw AccessError(
                        .invalid,
                        "the zone \(new) is in use, by agents: \(agents), Knocs: \(others.knocs.count); two zones do not "
                            + "become one by a name: give the agents another zone instead", field: "zone")
                }
            }
            let now = late
            var statements = ZoneTable.setZone(new, of: (users.agents + users.told).sorted(), now: now)
            for row in try await tx.run(ZoneTable.limits()) where try users.knocs.contains(row.identifier("id")) {
                let terms: [String] = try JSON.value(try row.text("zones"))
                let renamed = terms.map { Access.isTerm($0, of: old) ? ($0.hasPrefix("!") ? "!" : "") + new : $0 }
                statements.append(ZoneTable.setLimits(try row.identifier("id"), zones: try JSON.text(renamed)))
            }
            for row in try await tx.run(ZoneTable.zonePlaces()) where try Access.isTerm(row.text("zone"), of: old) {
                statements.append(
                    ZoneTable.setPlace(
                        try row.identifier("knoc_id"), position: try row.integer("position"), zone: new))
            }
            let details = [
                "from": old, "agents": "\(users.agents.count + users.told.count)", "knocs": "\(users.knocs.count)",
            ]
            statements.append(
                try audit(AuditLine("zone.rename", by: actor, ("zone", nil, new), details), at: now, context))
            try await tx.run(statements)
            return (users, Effects(everybody: true))
        }
    }

    private func users(ofZone zone: String, _ executor: any Executor) async throws -> ZoneRenaming {
        let read = try await executor.run([ZoneTable.zones(), ZoneTable.limits(), ZoneTable.zonePlaces()])
        var users = ZoneRenaming()
        for row in read[0] {
            let id: AgentID = try row.identifier("id")
            if let given = try row.optional("zone", row.text) {
                if Access.isTerm(given, of: zone) { users.agents.append(id) }
            } else if try Access.isTerm(row.text("told_zone"), of: zone) {
                users.told.append(id)
            }
        }
        var knocs: Set<KnocID> = []
        for row in read[1] {
            let terms: [String] = try JSON.value(try row.text("zones"))
            if terms.contains(where: { Access.isTerm($0, of: zone) }) { knocs.insert(try row.identifier("id")) }
        }
        for row in read[2] where try Access.isTerm(row.text("zone"), of: zone) {
            knocs.insert(try row.identifier("knoc_id"))
        }
        users.knocs = knocs.sorted()
        return users
    }

    /// Whether a term of a Knoc's zones, or a zone by itself, is about this one.
    private static func isTerm(_ term: String, of zone: String) -> Bool {
        ZoneSelection.key(term.hasPrefix("!") ? String(term.dropFirst()) : term) == ZoneSelection.key(zone)
    }
}
