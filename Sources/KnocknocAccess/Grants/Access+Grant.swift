public import KnocknocModel
import KnocknocStore

extension Access {
    /// Opens a Knoc for the session's address. Where it is granted already nothing changes.
    ///
    /// - Throws: ``AccessError``: not found, unauthenticated where the session is over, forbidden with the reason.
    public func grant(_ knoc: KnocID, _ session: Session, _ context: RequestContext) async throws -> KnocItem {
        try await untilStill {
            try await write { tx in ((), try await grant(knoc, session, context, tx)) }
        }
        // The agents come first: what the caller is told is read once they are on their way.
        return try await item(knoc, of: session, database)
    }

    private func grant(
        _ knoc: KnocID, _ session: Session, _ context: RequestContext, _ tx: any Transaction
    ) async throws -> Effects {
        let read = try await tx.run([
            SessionTable.lock(session.id), RightQuery.forClick(session.id, knoc), RightQuery.targets(knoc),
        ])
        guard !read[0].isEmpty else { throw Access.signedOut }
        guard let row = read[1].first else { throw Access.noKnoc(knoc) }
        let now = try row.now(self)
        let address: IPAddress
        let until: Timestamp
        switch try rule(row).decide(at: now) {
        case .signedOut: throw Access.signedOut
        case .notYours: throw Access.noKnoc(knoc)
        case .refused(let reason): throw AccessError(.forbidden, reason)
        case .granted(let granted, let end): (address, until) = (granted, end)
        }
        var ending: Ending?
        if let old = try row.identifierIfPresent("live_grant", as: GrantID.self) {
            guard try row.timestamp("live_until") <= now else {
                return Effects()
            }
            ending = try await end(.grant(old), reason: "expired", at: now, tx)
        }
        var plan = GrantPlan(
            user: try row.identifier("user_id"), session: session.id, address: address, origin: .click, now: now)
        plan.items = [
            GrantPlan.Item(
                grant: new(), knoc: knoc, knocName: try row.text("knoc_name"), version: try row.integer("version"),
                until: until, targets: try targets(read[2], of: knoc))
        ]
        var effects = Effects()
        if let ending { effects = try await settle(ending, at: now, by: .system, context, tx) }
        let results = try await tx.run(try statements(plan, by: session.actor, context) + newest(plan.agents))
        try checkLocks(plan, results)
        effects.merge(Effects(agents: plan.agents, users: [plan.user], steps: try steps(plan.agents, results)))
        return effects
    }

    private func rule(_ row: Row) throws -> GrantRule {
        let address = try row.optional("address", row.address)
        var reason = try row.optional("address_reason", row.text)
        if reason == nil, let address { reason = AddressRule.refusal(address, loopback: options.allInOne) }
        return GrantRule(
            sessionExpiresAt: try row.timestamp("expires_at"), sessionEnded: try !row.isNull("ended_at"),
            userDisabled: try row.bool("user_disabled"), permitted: try row.bool("permitted"),
            knocDisabled: try row.bool("knoc_disabled"),
            features: try row.text("features").split(separator: " ").map(String.init),
            durationSeconds: try row.optional("duration_seconds", row.integer), address: address,
            addressReason: reason)
    }

    static let signedOut = AccessError(.unauthenticated, "the session is over; sign in again")
}
