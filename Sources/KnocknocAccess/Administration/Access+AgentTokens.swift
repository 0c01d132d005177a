public import KnocknocModel
import KnocknocStore

extension Access {
    /// For how long a token counts that another one has replaced, in seconds.
    static let tokenOverlap: Int64 = 600

    /// What was replaced at this time or before it counts no more.
    func overlap(at now: Timestamp) -> Timestamp { now.adding(seconds: -Self.tokenOverlap) }

    /// What a new agent may be made of: a name that is free and a token. Nothing is stored.
    public func draftAgent() async throws -> (name: String, token: String) {
        var generator = SystemRandomNumberGenerator()
        var names = (0..<16).map { _ in FriendlyName.make(using: &generator) }
        // Where hundreds of agents have such names, a number makes them free.
        names += names.prefix(4).map { "\($0)-\(Int.random(in: 100...999, using: &generator))" }
        return (try await firstFree(of: names) ?? names[0], Secret.new())
    }

    /// The first of these names that no agent has.
    func firstFree(of names: [String]) async throws -> String? {
        let rows = try await database.run(AgentTable.taken(names.map(NameRule.key))).joined()
        let taken = Set(try rows.map { try $0.text("name_key") })
        return names.first { !taken.contains(NameRule.key($0)) }
    }

    /// Gives an agent another token, which is shown this once. The old one counts for ten minutes more, and so do
    /// links that were opened with it. One that was replaced within them keeps its own ten minutes: it may be what the
    /// agent has.
    ///
    /// - Parameter now: whether all others end at once, with their links.
    /// - Throws: ``AccessError``: not found, invalid for an all-in-one's own agent.
    public func rotateToken(
        of id: AgentID, now isNow: Bool = false, by actor: Actor, _ context: RequestContext?
    ) async throws -> (agent: AgentRecord, token: String) {
        let token = Secret.new()
        let record = try await write { tx in
            let agent = try await agent(id, tx)
            guard !agent.embedded else {
                throw AccessError(.invalid, "the all-in-one gives its own agent a new token at each start")
            }
            try Self.refuseDeclared(agent)
            let now = late
            let until = now.adding(seconds: isNow ? 0 : Self.tokenOverlap)
            let line = AuditLine(
                "agent.rotate_token", by: actor, ("agent", id.description, agent.name),
                isNow ? ["others": "ended at once"] : [:])
            try await tx.run(
                [
                    RevokedTokenTable.keep(id, at: now),
                    AgentTable.rotate(id, token: Secret.hash(token), until: until, now: now),
                ] + (isNow ? [RevokedTokenTable.endOverlap(of: id, at: overlap(at: now))] : [])
                    + [try audit(line, at: now, context)])
            return (agent, Effects())
        }
        return (record, token)
    }

    /// A token that somebody brings along: what ``draftAgent()`` and `knocknoc genkey --agent-token` print.
    func checkedToken(_ token: String) async throws -> String {
        let isText = token.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || [UInt8(ascii: "-"), UInt8(ascii: "_")].contains(byte)
        }
        guard isText, (43...128).contains(token.utf8.count) else {
            throw AccessError(
                .invalid,
                "a token has 43 to 128 letters, digits, - and _, such as knocknoc genkey --agent-token prints",
                field: "token")
        }
        let isKnown = try await holder(ofToken: token) != nil
        let isSpent = try await spent(token: Secret.hash(token)) != nil
        guard !isKnown, !isSpent else { throw Access.tokenTaken }
        return token
    }

    static let tokenTaken = AccessError(
        .invalid, "this token is, or was, another agent's; expected a new one", field: "token")
}
