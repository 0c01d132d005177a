import KnocknocModel
import KnocknocStore

/// Grants that a transaction has ended, and what they held.
struct Ending: Sendable {
    struct Ended: Sendable {
        var grant: GrantID
        var user: UserID
        var knoc: KnocID
        var address: IPAddress
    }

    var grants: [Ended] = []
    var entries: Set<EntryID> = []
    var agents: Set<AgentID> = []
    var reason: String

    mutating func merge(_ other: Ending) {
        grants += other.grants
        entries.formUnion(other.entries)
        agents.formUnion(other.agents)
    }
}

extension Access {
    /// The first half of every ending: the rights go, which locks them; nothing is told to agents yet.
    func end(
        _ scope: GrantTable.Scope, reason: String, at now: Timestamp, _ tx: any Transaction
    ) async throws -> Ending {
        var ending = Ending(reason: reason)
        ending.grants = try await tx.run(GrantTable.end(scope, at: now, reason: reason)).map { row in
            Ending.Ended(
                grant: try row.identifier("id"), user: try row.identifier("user_id"),
                knoc: try row.identifier("knoc_id"), address: try row.address("address"))
        }
        guard !ending.grants.isEmpty else { return ending }
        for rows in try await tx.run(GrantTable.entries(of: ending.grants.map(\.grant))) {
            for row in rows {
                ending.entries.insert(try row.identifier("entry_id"))
                ending.agents.insert(try row.identifier("agent_id"))
            }
        }
        return ending
    }

    /// The second half: agents' revisions, what is left of the entries, and the audit, in one round trip.
    ///
    /// - Parameters:
    ///   - cut: whether established flows end even where an address stays open for somebody else.
    ///   - extra: lines of the audit beside one for each grant.
    func settle(
        _ ending: Ending, at now: Timestamp, by actor: Actor, _ context: RequestContext?, cut: Bool = false,
        extra: [AuditLine] = [], _ tx: any Transaction
    ) async throws -> Effects {
        var statements = try ending.grants.map { ended in
            try audit(
                AuditLine(
                    "grant.end", by: actor, ("grant", ended.grant.description, nil),
                    [
                        "reason": ending.reason, "user": ended.user.description, "knoc": ended.knoc.description,
                        "address": ended.address.description,
                    ]), at: now, context)
        }
        statements += try extra.map { try audit($0, at: now, context) }
        statements += bump(ending.agents)
        let entries = ending.entries.sorted()
        statements += EntryTable.recompute(entries, now: now)
        statements += EntryTable.follow(entries, now: now, cut: cut)
        statements += note(ending.agents, at: now)
        try await tx.run(statements)
        return Effects(agents: ending.agents, users: Set(ending.grants.map(\.user)))
    }

    /// Agents in the order of their ids, so that no two transactions wait for each other.
    func bump(_ agents: Set<AgentID>) -> [Statement] {
        agents.sorted().map { AgentTable.bump($0, change: Secret.new()) }
    }

    /// Once for each transaction and agent, after its last change.
    func note(_ agents: Set<AgentID>, at now: Timestamp) -> [Statement] {
        agents.sorted().map { AgentTable.noteRevision($0, now: now) }
    }
}
