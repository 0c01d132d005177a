import KnocknocModel
import KnocknocStore

extension Access {
    /// Agents that were not heard of for this long count as not connected, in seconds: three heartbeats.
    static let silence: Int64 = 30

    /// Folds the rows of a portal query, which come in the order of their Knocs.
    func items(_ rows: [Row]) throws -> [KnocItem] {
        var items: [KnocItem] = []
        var index = rows.startIndex
        while index < rows.endIndex {
            let row = rows[index]
            let id: KnocID = try row.identifier("knoc_id")
            var facts: [EnforcementFact] = []
            var entries: Set<EntryID> = []
            while index < rows.endIndex, try rows[index].identifier("knoc_id", as: KnocID.self) == id {
                // A Knoc that two groups give comes twice.
                if let entry: EntryID = try rows[index].identifierIfPresent("entry_id"), entries.insert(entry).inserted,
                    let fact = try fact(rows[index])
                {
                    facts.append(fact)
                }
                index += 1
            }
            items.append(try item(id, row, facts))
        }
        return items
    }

    private func item(_ id: KnocID, _ row: Row, _ facts: [EnforcementFact]) throws -> KnocItem {
        let now = try row.now(self)
        let right = try right(row)
        let features = try row.text("features").split(separator: " ").map(String.init)
        let refusal = try GrantRule.refusal(features: features) ?? row.optional("address_reason", row.text)
        let visible = VisibleState.of(
            right, facts, openWhen: OpenWhen(rawValue: try row.text("open_when")) ?? .all, refusal: refusal, at: now)
        var expiry: Timestamp?
        switch right {
        case .live(let until) where until > now: expiry = until
        case .live(let until), .ended(let until): if visible.state == .closing { expiry = until }
        case .none: break
        }
        return KnocItem(
            id: id, name: try row.text("knoc_name"), url: try row.optional("url", row.text),
            grantOn: GrantOn(rawValue: try row.text("grant_on")) ?? .click, state: visible.state, expiresAt: expiry,
            reason: visible.reason)
    }

    func right(_ row: Row) throws -> VisibleState.Right {
        guard let state = try row.optional("grant_state", row.text) else { return .none }
        let until = try row.timestamp("grant_expires_at")
        return state == "live" ? .live(until: until) : .ended(until: until)
    }

    /// nil where the grant has no agent.
    func fact(_ row: Row) throws -> EnforcementFact? {
        guard let wanted = try row.optional("wanted", row.bool) else { return nil }
        let now = try row.now(self)
        let seen = try row.optional("link_seen_at", row.timestamp)
        let heard = seen.map { now.milliseconds(since: $0) < Self.silence * 1000 } ?? false
        let linked = try heard && row.isNull("link_closed_at")
        let patience = try row.optional("close_after_seconds", row.integer)
        let silent = seen.map { now.milliseconds(since: $0) / 1000 } ?? 0
        return EnforcementFact(
            agent: try row.text("agent_name"), linked: linked, wanted: wanted,
            confirmed: try row.integer("applied_revision") >= row.integer("revision"),
            outcome: Outcome(rawValue: try row.text("outcome")) ?? .pending,
            reason: try row.optional("reason", row.text),
            targetOutcome: Outcome(rawValue: try row.text("target_outcome")) ?? .pending,
            targetReason: try row.optional("target_reason", row.text), endsByItself: try row.bool("ends_alone"),
            hasLapsed: !linked && (patience.map { silent >= $0 } ?? false))
    }
}
