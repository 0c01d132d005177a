public import KnocknocModel
import KnocknocStore
import Logging

extension Access {
    /// Opens a Knoc for the session's address. Where it is granted already nothing changes.
    ///
    /// - Throws: ``AccessError``: not found, unauthenticated where the session is over, forbidden with the reason.
    public func grant(_ knoc: KnocID, _ session: Session, _ context: RequestContext) async throws -> KnocItem {
        try await lanes.submit(Click(knoc: knoc, session: session, context: context)) { await self.grant($0) }
        // The agents come first: what the caller is told is read once they are on their way.
        return try await item(knoc, of: session, database)
    }

    /// All in one transaction, or each in one of its own where something of one stands against that.
    private func grant(_ clicks: [Click]) async -> [GrantLanes.Outcome] {
        if clicks.count > 1 {
            do {
                return try await write { tx in try await grant(clicks, tx) }
            } catch let error as StoreError where [.unavailable, .unknownOutcome].contains(error.code) {
                return clicks.map { _ in .failure(error) }
            } catch {
                logger.debug("grants that were to share a transaction go alone", metadata: ["reason": "\(error)"])
            }
        }
        return await withTaskGroup(of: (Int, GrantLanes.Outcome).self) { group in
            for (index, click) in clicks.enumerated() { group.addTask { (index, await self.alone(click)) } }
            return await group.reduce(into: clicks.map { _ in .success(()) }) { $0[$1.0] = $1.1 }
        }
    }

    private func alone(_ click: Click) async -> GrantLanes.Outcome {
        do {
            try await untilStill {
                try await write { tx in
                    let (outcomes, effects) = try await grant([click], tx)
                    for outcome in outcomes { try outcome.get() }
                    return ((), effects)
                }
            }
            return .success(())
        } catch { return .failure(error) }
    }

    private func grant(_ clicks: [Click], _ tx: any Transaction) async throws -> ([GrantLanes.Outcome], Effects) {
        let sessions = Set(clicks.map(\.session.id)).sorted()
        let locked = try await tx.run(
            sessions.map { SessionTable.lock($0) }
                + clicks.flatMap { [RightQuery.forClick($0.session.id, $0.knoc), RightQuery.targets($0.knoc)] })
        let live = Set(zip(sessions, locked).filter { !$0.1.isEmpty }.map(\.0))
        var outcomes: [GrantLanes.Outcome] = []
        var plans: [GrantPlan] = []
        var effects = Effects()
        for (index, click) in clicks.enumerated() {
            let rows = locked[sessions.count + 2 * index]
            do {
                guard live.contains(click.session.id) else { throw Access.signedOut }
                guard let row = rows.first else { throw Access.noKnoc(click.knoc) }
                var plan = try judge(row, click)
                outcomes.append(.success(()))
                if let old = try row.identifierIfPresent("live_grant", as: GrantID.self) {
                    guard try row.timestamp("live_until") <= plan.now else { continue }
                    // It moves its agents' streams by itself.
                    guard clicks.count == 1 else { throw NotTogether() }
                    let ending = try await end(.grant(old), reason: "expired", at: plan.now, tx)
                    effects = try await settle(ending, at: plan.now, by: .system, click.context, tx)
                }
                plan.items[0].targets = try targets(locked[sessions.count + 2 * index + 1], of: click.knoc)
                lanes.learn(click.knoc, plan.agents.min())
                plans.append(plan)
            } catch let refusal as AccessError {
                outcomes.append(.failure(refusal))
            }
        }
        guard let now = plans.map(\.now).max() else { return (outcomes, effects) }
        let results = try await tx.run(try statements(plans, at: now) + newest(plans.agents))
        try checkLocks(plans, results)
        effects.merge(Effects(agents: plans.agents, users: plans.users, steps: try steps(plans.agents, results)))
        return (outcomes, effects)
    }

    /// The plan for a click that may have what it asks for; its targets are still to be filled in.
    private func judge(_ row: Row, _ click: Click) throws -> GrantPlan {
        let now = try row.now(self)
        switch try rule(row).decide(at: now) {
        case .signedOut: throw Access.signedOut
        case .notYours: throw Access.noKnoc(click.knoc)
        case .refused(let reason): throw AccessError(.forbidden, reason)
        case .granted(let address, let until):
            let item = GrantPlan.Item(
                grant: new(), knoc: click.knoc, knocName: try row.text("knoc_name"),
                version: try row.integer("version"), until: until, targets: [])
            return GrantPlan(
                user: try row.identifier("user_id"), session: click.session.id, actor: click.session.actor,
                context: click.context, address: address, origin: .click, now: now, items: [item])
        }
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

/// A grant that cannot be made in one transaction with others.
private struct NotTogether: Error {}
