import KnocknocModel
import KnocknocProtocol
import KnocknocStore

/// Grants that a transaction has ended, and what they held.
struct Ending: Sendable {
    struct Ended: Sendable {
        var grant: GrantID
        var user: UserID
        var userName: String?
        var knoc: KnocID
        var knocName: String?
        var address: IPAddress

        init(_ row: Row) throws {
            grant = try row.identifier("id")
            user = try row.identifier("user_id")
            userName = try row.optional("user_name", row.text)
            knoc = try row.identifier("knoc_id")
            knocName = try row.optional("knoc_name", row.text)
            address = try row.address("address")
        }

        /// What the audit says of it; the names are those of the moment.
        func details(_ reason: String) -> [String: String] {
            var details = [
                "reason": reason, "user": user.description, "knoc": knoc.description, "address": address.description,
            ]
            details["user_name"] = userName
            details["knoc_name"] = knocName
            return details
        }
    }

    var reason: String
    var grants: [Ended] = []
    var entries: Set<EntryID> = []
    var agents: Set<AgentID> = []

    mutating func add(entries rows: [Row]) throws {
        for row in rows {
            entries.insert(try row.identifier("entry_id"))
            agents.insert(try row.identifier("agent_id"))
        }
    }

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
        ending.grants = try await tx.run(GrantTable.end(scope, at: now, reason: reason)).map(Ending.Ended.init)
        guard !ending.grants.isEmpty else { return ending }
        for rows in try await tx.run(GrantTable.entries(of: ending.grants.map(\.grant))) {
            try ending.add(entries: rows)
        }
        return ending
    }

    /// The second half: agents' revisions, what is left of the entries, and the audit, in one round trip.
    ///
    /// - Parameters:
    ///   - cut: whether established flows end even where an address stays open for somebody else.
    ///   - extra: lines of the audit beside one for each grant.
    ///   - isLast: whether the transaction does nothing more to these agents' streams, so that links of this node may
    ///     be handed what it did.
    func settle(
        _ ending: Ending, at now: Timestamp, by actor: Actor, _ context: RequestContext?, cut: Bool = false,
        extra: [AuditLine] = [], _ tx: any Transaction, isLast: Bool = false
    ) async throws -> Effects {
        var statements = try ending.grants.map { ended in
            try audit(
                AuditLine(
                    "grant.end", by: actor, ("grant", ended.grant.description, nil), ended.details(ending.reason)),
                at: now, context)
        }
        statements += try extra.map { try audit($0, at: now, context) }
        statements += bump(ending.agents)
        let entries = ending.entries.sorted()
        statements += EntryTable.recompute(entries, now: now)
        statements += EntryTable.follow(entries, now: now, cut: cut)
        statements += note(ending.agents, at: now)
        if isLast { statements += newest(ending.agents) }
        let results = try await tx.run(statements)
        var effects = Effects(agents: ending.agents, users: Set(ending.grants.map(\.user)))
        if isLast { effects.steps = try steps(ending.agents, results) }
        return effects
    }

    /// Agents in the order of their ids, so that no two transactions wait for each other.
    func bump(_ agents: Set<AgentID>) -> [Statement] {
        agents.sorted().map { AgentTable.bump($0, change: Secret.new()) }
    }

    /// What the transaction has written for each agent; follows ``note(_:at:)`` and ends a batch.
    func newest(_ agents: Set<AgentID>) -> [Statement] { agents.sorted().map(LinkTable.entriesOfNewest) }

    /// - Parameter results: of a batch that ended with ``note(_:at:)`` and ``newest(_:)``.
    func steps(_ agents: Set<AgentID>, _ results: [[Row]]) throws -> [AgentID: StreamStep] {
        var steps: [AgentID: StreamStep] = [:]
        for (agent, pair) in zip(agents.sorted(), zip(results.suffix(2 * agents.count), results.suffix(agents.count))) {
            guard let row = pair.0.first, let before = try row.optional("before", row.text) else { continue }
            let epoch = try row.text("epoch")
            let revision = try row.integer("revision")
            let position = Position(epoch: epoch, revision: revision, change: try row.text("change_id"))
            steps[agent] = StreamStep(
                after: Position(epoch: epoch, revision: revision - 1, change: before),
                rows: try rows(position, [], pair.1))
        }
        return steps
    }

    /// Once for each transaction and agent, after its last change. What the site enforces itself is confirmed by that.
    func note(_ agents: Set<AgentID>, at now: Timestamp) -> [Statement] {
        (agents.contains(.server) ? AllowListTable.confirm(now: now) : [])
            + agents.sorted().map { AgentTable.noteRevision($0, now: now) }
    }
}
