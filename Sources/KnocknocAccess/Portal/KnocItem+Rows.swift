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
            var parts: [Part] = []
            var entries: Set<EntryID> = []
            while index < rows.endIndex, try rows[index].identifier("knoc_id", as: KnocID.self) == id {
                let row = rows[index]
                index += 1
                guard let grant: GrantID = try row.identifierIfPresent("grant_id") else { continue }
                if parts.last?.grant != grant {
                    entries = []
                    // A Knoc that two groups give comes twice.
                    guard !parts.contains(where: { $0.grant == grant }) else { continue }
                    parts.append(
                        Part(
                            grant: grant, address: try row.address("grant_address"), right: try right(row),
                            endedAt: try row.optional("grant_ended_at", row.timestamp)))
                }
                if let entry: EntryID = try row.identifierIfPresent("entry_id"), entries.insert(entry).inserted,
                    let fact = try fact(row)
                {
                    parts[parts.count - 1].facts.append(fact)
                }
            }
            // Those that are live, or else those that ended together, last of all.
            let last = parts.contains { $0.endedAt == nil } ? nil : parts.compactMap(\.endedAt).max()
            items.append(try item(id, row, parts.filter { $0.endedAt == last }))
        }
        return items
    }

    /// What one grant, which is of one address, amounts to.
    private struct Part {
        var grant: GrantID
        var address: IPAddress
        var right: VisibleState.Right
        var endedAt: Timestamp?
        var facts: [EnforcementFact] = []
    }

    private func item(_ id: KnocID, _ row: Row, _ parts: [Part]) throws -> KnocItem {
        let now = try row.now(self)
        let features = try row.text("features").split(separator: " ").map(String.init)
        let refusal = try GrantRule.refusal(features: features) ?? row.optional("address_reason", row.text)
        let openWhen = OpenWhen(rawValue: try row.text("open_when")) ?? .all
        let own = try row.optional("session_address", row.address)
        // What the reader comes from now is what the card is about; a session's other addresses are told beside it.
        let main = parts.first { $0.address == own } ?? parts.first
        let visible =
            main.map { main in
                let others = parts.filter { $0.grant != main.grant }
                guard case .live = main.right else {
                    let facts = main.facts + others.flatMap(\.facts)
                    return VisibleState.of(main.right, facts, openWhen: openWhen, refusal: refusal, at: now)
                }
                var beside = others.map { part in
                    let state = VisibleState.of(part.right, part.facts, openWhen: openWhen, refusal: refusal, at: now)
                    return VisibleState.Beside(address: part.address, state: state)
                }
                // The others do not speak for it where it was refused.
                if let own, own != main.address, refusal == nil {
                    beside.append(VisibleState.Beside(address: own, state: VisibleState(.closed)))
                }
                return VisibleState.of(main.right, main.facts, openWhen: openWhen, refusal: refusal, at: now)
                    .telling(of: beside)
            } ?? VisibleState.of(.none, [], openWhen: openWhen, refusal: refusal, at: now)
        var expiry: Timestamp?
        switch main?.right ?? VisibleState.Right.none {
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
            hasLapsed: !linked && (patience.map { silent >= $0 } ?? false), isPlaced: try row.bool("placed"))
    }
}
