import KnocknocModel
import KnocknocStore

extension Access {
    /// Holds a Knoc's live grants to a duration that became shorter; the Knoc's row is locked already.
    ///
    /// - Returns: what has ended by that, with the entries of what ends earlier, and a line of the audit for each of
    ///   the latter.
    func shorten(
        _ knoc: KnocID, to seconds: Int64, at now: Timestamp, by actor: Actor, _ tx: any Transaction
    ) async throws -> (ending: Ending, lines: [AuditLine]) {
        var ending = try await end(.outlived(knoc, seconds: seconds), reason: "right_gone", at: now, tx)
        let shortened = try await tx.run(GrantTable.shorten(knoc, seconds: seconds))
        let grants = try shortened.map { try $0.identifier("id", as: GrantID.self) }
        let entries = try await tx.run(GrantTable.entries(of: grants))
        for row in entries.joined() {
            ending.entries.insert(try row.identifier("entry_id"))
            ending.agents.insert(try row.identifier("agent_id"))
        }
        let lines = try shortened.map { row in
            AuditLine(
                "grant.shorten", by: actor, ("grant", try row.text("id"), nil),
                [
                    "knoc": knoc.description, "user": try row.text("user_id"), "address": try row.text("address"),
                    "expires_at": try row.timestamp("expires_at").description,
                ])
        }
        return (ending, lines)
    }
}
