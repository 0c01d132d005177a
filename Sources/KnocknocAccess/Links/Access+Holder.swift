public import KnocknocModel
import KnocknocStore

/// Whose token it is.
public struct TokenHolder: Hashable, Sendable {
    public var agent: AgentID
    /// Disabled or deleted: it is told so, and lets nobody in any more.
    public var isRevoked: Bool
}

extension Access {
    /// The agent that has or had this token; nil where no agent ever had it.
    public func holder(ofToken token: String) async throws -> TokenHolder? {
        guard let row = try await database.run(RevokedTokenTable.holder(token: Secret.hash(token), at: late)).first
        else {
            return nil
        }
        return TokenHolder(agent: try row.identifier("id"), isRevoked: try row.bool("revoked"))
    }
}
