public import KnocknocModel
import KnocknocMoments
import KnocknocStore

extension Access {
    /// Opens a Knoc for the session's address. Where it is granted already nothing changes.
    ///
    /// - Throws: ``AccessError``: not found, unauthenticated where the session is over, forbidden with the reason.
    public func grant(_ knoc: KnocID, _ session: Session, _ context: RequestContext) async throws -> KnocItem {
        Moment.reach(.received)
        let click = Click(knoc: knoc, session: session, context: context, deadline: .now + options.grantPatience)
        try await lanes.submit(
            click,
            GrantLanes.Runner {
                await self.together($0)
            } alone: {
                await self.alone($0)
            })
        // The agents come first: what the caller is told is read once they are on their way.
        return try await item(knoc, of: session, database)
    }

    /// All in one transaction, which waits for nobody's session but for the agents and Knocs that they all need.
    private func together(_ clicks: [Click]) async -> GrantLanes.Ending {
        var options = WriteOptions()
        options.deadline = clicks.map(\.deadline).min()
        options.lockPatience = self.options.sessionPatience
        do {
            return .verdicts(try await written(clicks, options))
        } catch let error as StoreError where error.code == .contended {
            return .contended
        } catch let error as StoreError where error.code == .unavailable {
            return .verdicts(clicks.map { $0.deadline > .now ? .alone : .decided(.failure(error)) })
        } catch {
            return .verdicts(clicks.map { _ in clicks.count > 1 ? .alone : .decided(.failure(error)) })
        }
    }

    private func alone(_ click: Click) async -> GrantLanes.Outcome {
        var options = WriteOptions()
        options.deadline = click.deadline
        do {
            guard case .decided(let outcome)? = try await written([click], options).first else {
                throw StoreError(.decoding, "a click was left undecided")
            }
            return outcome
        } catch { return .failure(error) }
    }

    private func written(_ clicks: [Click], _ options: WriteOptions) async throws -> [GrantLanes.Verdict] {
        do {
            return try await untilStill { try await write(options) { tx in try await grant(clicks, tx) } }
        } catch let nothing as NothingToWrite {
            return nothing.verdicts
        }
    }

    private func grant(
        _ clicks: [Click], _ tx: any Transaction
    ) async throws -> (verdicts: [GrantLanes.Verdict], Effects) {
        let sessions = Set(clicks.map(\.session.id)).sorted()
        let rows = try await tx.run(
            sessions.map { SessionTable.lock($0) } + tx.endOfLockPatience
                + clicks.flatMap { [RightQuery.forClick($0.session.id, $0.knoc), RightQuery.targets($0.knoc)] })
        let live = Set(zip(sessions, rows).filter { !$0.1.isEmpty }.map(\.0))
        var read = rows.suffix(2 * clicks.count)
        var verdicts: [GrantLanes.Verdict] = []
        var plans: [GrantPlan] = []
        var effects = Effects()
        for click in clicks {
            let (rights, targets) = (read.removeFirst(), read.removeFirst())
            do {
                guard live.contains(click.session.id) else { throw Access.signedOut }
                guard !rights.isEmpty else { throw Access.noKnoc(click.knoc) }
                var wanted: [(plan: GrantPlan, old: GrantID?)] = []
                var refused: [(address: IPAddress, reason: String)] = []
                for row in rights {
                    var plan = try judge(row, click)
                    plan.items[0].targets = try self.targets(targets, of: click.knoc)
                    let old = try row.identifierIfPresent("live_grant", as: GrantID.self)
                    let until = try row.optional("live_until", row.timestamp)
                    guard until.map({ $0 <= plan.now }) ?? true else { continue }
                    if let reason = refusal(plan.address, prefixes: plan.items[0].targets.map(\.ipv6Prefix)) {
                        refused.append((plan.address, reason))
                    } else {
                        wanted.append((plan, old))
                    }
                }
                // It may open for a session's other addresses, but for whoever asks it must.
                let own = refused.first { $0.address == click.session.address || refused.count == rights.count }
                if let own { throw AccessError(.forbidden, own.reason) }
                // Their endings move their agents' streams by themselves.
                guard clicks.count == 1 || wanted.allSatisfy({ $0.old == nil }) else {
                    verdicts.append(.alone)
                    continue
                }
                for (plan, old) in wanted {
                    if let old {
                        let ending = try await end(.grant(old), reason: "expired", at: plan.now, tx)
                        effects.merge(try await settle(ending, at: plan.now, by: .system, click.context, tx))
                    }
                    lanes.learn(click.knoc, plan.agents.min())
                    plans.append(plan)
                }
                verdicts.append(.decided(.success(())))
            } catch let refusal as AccessError {
                verdicts.append(.decided(.failure(refusal)))
            }
        }
        guard let now = plans.map(\.now).max() else { throw NothingToWrite(verdicts: verdicts) }
        let results = try await tx.run(try statements(plans, at: now) + newest(plans.agents))
        try checkLocks(plans, results)
        effects.merge(Effects(agents: plans.agents, users: plans.users, steps: try steps(plans.agents, results)))
        return (verdicts, effects)
    }

    /// The plan for a click that may have what it asks for; its targets are still to be filled in.
    ///
    /// - Throws: ``AccessError``: why not.
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

/// Rolls back a transaction that has only read.
private struct NothingToWrite: Error {
    var verdicts: [GrantLanes.Verdict]
}
