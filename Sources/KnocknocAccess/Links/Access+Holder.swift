public import KnocknocModel
import KnocknocStore

extension Access {
    /// The agent that has or had this token, which may say hello: one that is disabled or deleted is then told so by
    /// ``attach(agent:hello:node:)``, and lets nobody in any more. nil where no agent ever had it.
    public func holder(ofToken token: String) async throws -> AgentID? {
        try await database.run(RevokedTokenTable.holder(token: Secret.hash(token))).first?.identifier("id")
    }
}
