public import KnocknocModel
import KnocknocMoments
import KnocknocStore

extension Access {
    /// Closes a Knoc for this session. Where it is closed already nothing changes.
    public func revoke(_ knoc: KnocID, _ session: Session, _ context: RequestContext) async throws -> KnocItem {
        Moment.reach(.received)
        try await write { tx in
            let now = late
            let scope = GrantTable.Scope.knocInSession(knoc, session.id)
            let read = try await tx.run([
                SessionTable.lock(session.id), GrantTable.end(scope, at: now, reason: "click"),
                GrantTable.entries(endedAt: now, knoc, session.id),
            ])
            guard !read[0].isEmpty else { throw Access.signedOut }
            var ending = Ending(reason: "click", grants: try read[1].map(Ending.Ended.init))
            guard !ending.grants.isEmpty else { return ((), Effects()) }
            try ending.add(entries: read[2])
            return ((), try await settle(ending, at: now, by: session.actor, context, tx, isLast: true))
        }
        return try await item(knoc, of: session, database)
    }
}
