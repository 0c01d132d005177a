public import KnocknocModel
import KnocknocStore

/// Whose token it is.
public struct TokenHolder: Hashable, Sendable {
    public var agent: AgentID
    /// Disabled or deleted: it is told so, and lets nobody in any more.
    public var isRevoked: Bool
    /// SHA-256 of the token.
    public var token: [UInt8]
}

extension Access {
    /// The agent that has this token, or had it until it was disabled or deleted; nil where it was replaced long enough
    /// ago, and where nobody ever had it.
    public func holder(ofToken token: String) async throws -> TokenHolder? {
        let hash = Secret.hash(token)
        guard let row = try await database.run(RevokedTokenTable.holder(token: hash, overlap: overlap(at: late))).first
        else { return nil }
        return TokenHolder(agent: try row.identifier("id"), isRevoked: try row.bool("revoked"), token: hash)
    }

    /// Whether this token may link, and as whom. One of ``AccessOptions/agentTokens`` belongs to the first agent that
    /// comes with it; another one is refused.
    ///
    /// - Returns: nil where it is refused, which is audited, once a minute at most.
    public func admit(token: String, _ caller: LinkCaller) async throws -> TokenHolder? {
        let hash = Secret.hash(token)
        let isListed = options.agentTokens.contains(hash)
        guard let known = try await holder(ofToken: token) else {
            if let spent = try await spent(token: hash) {
                await refuse("the token was replaced", caller, spent)
                return nil
            }
            guard isListed else {
                await refuse("no agent has this token", caller, nil)
                return nil
            }
            // Of the ids from the site's own down none is one that anybody makes.
            if let id = caller.id, id <= .server {
                await refuse("this is no id for an agent", caller, nil)
                return nil
            }
            if let new = try await adopt(token: token, caller) { return new }
            await refuse("this id is another agent's", caller, nil)
            return nil
        }
        if isListed, let id = caller.id, id != known.agent {
            await refuse("the token is bound to another agent", caller, known.agent)
            return nil
        }
        return known
    }

    /// Whether this token is an enabled agent's, or may become one's. Another one is audited, once a minute at most.
    public func mayEnrol(token: String, _ caller: LinkCaller) async throws -> Bool {
        let hash = Secret.hash(token)
        if let holder = try await holder(ofToken: token) {
            if holder.isRevoked { await refuse("the agent was deleted or disabled", caller, holder.agent) }
            return !holder.isRevoked
        }
        let spent = try await spent(token: hash)
        if spent == nil, options.agentTokens.contains(hash) { return true }
        await refuse(spent == nil ? "no agent has this token" : "the token was replaced", caller, spent)
        return false
    }

    /// The agent that had this token before it got another one.
    func spent(token hash: [UInt8]) async throws -> AgentID? {
        try await database.run(RevokedTokenTable.spent(token: hash)).first?.identifier("agent_id")
    }

    private func refuse(_ reason: String, _ caller: LinkCaller, _ agent: AgentID?) async {
        var details = ["reason": reason]
        details["claims"] = caller.id?.description
        let line = AuditLine(
            "agent.token_refused", by: .system, agent.map { ("agent", $0.description, nil) }, details)
        await auditSparingly(
            agent.map { "agent.token_refused \($0)" } ?? "agent.token_refused", line, from: caller.address)
    }

    /// Makes the agent that comes first with a token of the configuration.
    ///
    /// - Returns: nil where the id that it claims is taken.
    private func adopt(token: String, _ caller: LinkCaller) async throws -> TokenHolder? {
        let draft = try await draftAgent().name
        let wanted = caller.name.flatMap { try? checkedName($0, what: "an agent").name }
        let name = try await firstFree(of: [wanted, draft].compactMap(\.self)) ?? draft
        do {
            let id = try await write { tx in
                let id = try await insertAgent(
                    name, NameRule.key(name), id: caller.id, zone: nil, embedded: false, token: Secret.hash(token),
                    at: try await clock(tx), by: .system, nil, from: caller.address, tx)
                return (id, Effects())
            }
            return TokenHolder(agent: id, isRevoked: false, token: Secret.hash(token))
        } catch let error as StoreError where error.code == .unique {
            // Another node, or another connection, was first with it.
            return try await holder(ofToken: token)
        }
    }
}
