public import KnocknocModel
import KnocknocStore

extension Access {
    /// Closes a Knoc for this session. Where it is closed already nothing changes.
    public func revoke(_ knoc: KnocID, _ session: Session, _ context: RequestContext) async throws -> KnocItem {
        try await write { tx in
            let now = late
            let locked = try await tx.run(SessionTable.lock(session.id))
            guard !locked.isEmpty else { throw Access.signedOut }
            let ending = try await end(.knocInSession(knoc, session.id), reason: "click", at: now, tx)
            var effects = Effects()
            if !ending.grants.isEmpty {
                effects = try await settle(ending, at: now, by: session.actor, context, tx)
            }
            return (try await item(knoc, of: session, tx), effects)
        }
    }
}
