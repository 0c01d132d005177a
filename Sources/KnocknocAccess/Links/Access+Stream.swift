public import KnocknocModel
public import KnocknocProtocol
import KnocknocStore

extension Access {
    /// What an agent at `after` lacks; a delta only where the store's history has that position.
    ///
    /// - Throws: ``AccessError`` not found where the agent was deleted or disabled.
    public func stream(agent: AgentID, after: Position?) async throws -> StreamAnswer {
        try await database.snapshot { tx in
            var statements = [LinkTable.position(agent)]
            if let after {
                // Read along, in the hope that the position is one of ours, to save the second round trip.
                statements += [
                    LinkTable.change(agent, revision: after.revision),
                    LinkTable.targets(agent, above: after.revision), LinkTable.entries(agent, above: after.revision),
                ]
            }
            let read = try await tx.run(statements)
            guard let row = read[0].first, try !row.bool("disabled") else { throw Access.none("agent", agent) }
            let position = Position(
                epoch: try row.text("epoch"), revision: try row.integer("revision"), change: try row.text("change_id"))
            var diverged = false
            if let after {
                let noted = try read[1].first?.text("change_id")
                let known = after.revision == position.revision ? position.change : noted
                if after.epoch == position.epoch, known == after.change,
                    after.revision >= (try row.integer("pruned_revision"))
                {
                    return .delta(try rows(position, read[2], read[3]), after: after)
                }
                diverged =
                    after.epoch != position.epoch || after.revision > position.revision
                    || (known.map { $0 != after.change } ?? false)
            }
            let all = try await tx.run([LinkTable.targets(agent, above: -1), LinkTable.wantedEntries(agent)])
            return .snapshot(try rows(position, all[0], all[1]), diverged: diverged)
        }
    }

    func rows(_ position: Position, _ targets: [Row], _ entries: [Row]) throws -> StreamRows {
        StreamRows(
            position: position,
            targets: try targets.map { row in
                let closing = try JSON.closing(try row.text("backend"))
                return TargetRow(
                    definition: TargetDefinition(
                        id: try row.identifier("id"), backend: closing.backend,
                        confirmed: try row.bool("confirmed"),
                        purpose: TargetDefinition.Purpose(rawValue: try row.text("purpose")) ?? .enforce,
                        closeAfterSeconds: closing.closeAfterSeconds),
                    revision: try row.integer("revision"))
            },
            entries: try entries.map { row in
                let wanted = try row.bool("wanted")
                return StreamEntry(
                    id: try row.identifier("entry_id"), target: try row.identifier("target_id"),
                    address: try row.address("address"), revision: try row.integer("revision"),
                    expiresAt: wanted ? try row.timestamp("expires_at") : nil,
                    cut: try row.optional("cut_revision", row.integer))
            })
    }
}
