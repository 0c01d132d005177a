import KnocknocModel
import KnocknocStore

extension Access {
    /// Where the request came from, if nothing is open for that address yet and something could be; else nil.
    public func change(of session: Session, _ context: RequestContext) async throws -> AddressChange? {
        guard case .address(let address) = context.client, session.userID != nil, session.addresses[address] == nil,
            AddressRule.refusal(address, loopback: options.allInOne) == nil
        else { return nil }
        let rows = try await database.run(movesLately(session.id, besides: address))
        return AddressChange(address: address, asks: try hasMovedOften(rows))
    }

    /// Takes the address that the request came from into the session: what is open in it opens there too, until the same
    /// moments. The others of its family leave unless they are seen again soon.
    ///
    /// - Parameter password: the user's, where the session has moved often lately.
    /// - Returns: the session as it is now.
    /// - Throws: ``AccessError``: unauthenticated where the session is over, forbidden with the reason, confirmation where
    ///   the password is needed or wrong, throttled, busy.
    public func move(
        _ session: Session, password: String? = nil, _ context: RequestContext
    ) async throws -> Session {
        guard let user = session.userID else { throw AccessError(.forbidden, "administrators open nothing") }
        if let password { try await confirm(session, password, context) }
        let addresses = try await move(
            Mover(session: session.id, user: user, actor: session.actor), origin: .request,
            isConfirmed: password != nil, context)
        var moved = session
        moved.addresses = addresses
        if case .address(let address) = context.client {
            moved.address = address
            moved.addressReason = nil
        }
        return moved
    }

    private func confirm(_ session: Session, _ password: String, _ context: RequestContext) async throws {
        let key = Access.lookUpKey(session.name)
        let attempt = attempt(key, kind: .user, context)
        let results = try await database.run([UserTable.credentials(key: key)] + attempt.reads(late))
        try check(attempt, Array(results[1...]))
        let hash = try results[0].first.flatMap { row in
            try row.bool("disabled") ? nil : try row.optional("password_hash", row.text)
        }
        guard try await verify(password, hash, attempt), hash != nil else {
            _ = try await failed(attempt, account: session.name, reason: "confirmation", context)
            throw AccessError(.confirmation, "the password does not fit", field: "password")
        }
    }

    /// Whose session moves.
    struct Mover: Sendable {
        var session: SessionID
        var user: UserID
        var actor: Actor
    }

    /// - Returns: the addresses of the session afterwards.
    func move(
        _ mover: Mover, origin: SessionAddress.Origin, isConfirmed: Bool = false, _ context: RequestContext
    ) async throws -> [SessionAddress] {
        let address: IPAddress
        switch context.client {
        case .address(let found): address = found
        case .refused(_, let reason): throw AccessError(.forbidden, reason)
        }
        if let reason = AddressRule.refusal(address, loopback: options.allInOne) {
            throw AccessError(.forbidden, reason)
        }
        return try await untilStill {
            try await write { tx in
                try await self.move(mover, to: address, origin, isConfirmed, context, tx)
            }
        }
    }

    private func move(
        _ mover: Mover, to address: IPAddress, _ origin: SessionAddress.Origin, _ isConfirmed: Bool,
        _ context: RequestContext, _ tx: any Transaction
    ) async throws -> ([SessionAddress], Effects) {
        let read = try await tx.run([
            SessionTable.lock(mover.session), AddressTable.live(mover.session),
            movesLately(mover.session, besides: address), RightQuery.forMove(mover.session),
            RightQuery.targetsForMove(mover.session),
        ])
        guard !read[0].isEmpty, let first = read[3].first else { throw Access.signedOut }
        let now = try first.now(self)
        var known = try [SessionAddress](rows: read[1])
        if known.isEmpty, let own = try own(first) {
            // An older node signed it in: its address leaves like any other from now on.
            try await tx.run(
                AddressTable.add(own.address, to: mover.session, origin: own.origin.rawValue, at: own.addedAt))
            known = [own]
        }
        guard known[address] == nil else {
            try await tx.run(kept(address, of: mover.session, at: now))
            let after = try await tx.run(AddressTable.live(mover.session))
            return (try [SessionAddress](rows: after), Effects())
        }
        let hasMovedOften = try hasMovedOften(read[2])
        guard isConfirmed || !hasMovedOften else {
            throw AccessError(
                .confirmation,
                "your address has changed \(options.movesPerHour) times within an hour; give your password to open things "
                    + "for \(address) too")
        }
        let plans = try plan(mover, address, read[3], targets: read[4], now, context)
        let evicted = evicted(known, for: address)
        let ending = try await evict(evicted, of: mover.session, before: plans, at: now, tx)
        var statements = try self.statements(plans, at: now)
        statements += [
            AddressTable.add(address, to: mover.session, origin: origin.rawValue, at: now),
            AddressTable.replace(
                by: address, of: mover.session, leavingAt: now.adding(seconds: options.addressGraceSeconds)),
            AddressTable.follow(address, of: mover.session),
        ]
        if isConfirmed, hasMovedOften { statements.append(AddressTable.confirm(mover.session, at: now)) }
        statements.append(try audit(line(mover, address, origin, known), at: now, context))
        statements.append(AddressTable.live(mover.session))
        let written = try await tx.run(statements)
        try checkLocks(plans, written)
        var effects = Effects(agents: plans.agents, users: [mover.user])
        if let ending, let evicted {
            effects.merge(
                try await settle(
                    ending, at: now, by: mover.actor, context,
                    extra: [Access.leaving(evicted, of: mover.session, "too_many", by: mover.actor)], tx))
        }
        return (try [SessionAddress](rows: written.last ?? []), effects)
    }

    /// What a session signed in from, if anything may be opened for that.
    private func own(_ row: Row) throws -> SessionAddress? {
        guard try row.isNull("address_reason"), let address = try row.optional("address", row.address) else {
            return nil
        }
        return SessionAddress(address: address, origin: .signIn, addedAt: try row.timestamp("created_at"))
    }

    private func line(
        _ mover: Mover, _ address: IPAddress, _ origin: SessionAddress.Origin, _ known: [SessionAddress]
    ) -> AuditLine {
        let replaced = known.filter { $0.address.family == address.family }.map(\.address.description)
        var details = ["address": address.description, "origin": origin.rawValue]
        if !replaced.isEmpty { details["beside"] = replaced.joined(separator: " ") }
        return AuditLine("session.move", by: mover.actor, ("session", mover.session.description, nil), details)
    }

    /// What is open in the session, for one more address: every rule is asked again, and nothing lasts longer than before.
    private func plan(
        _ mover: Mover, _ address: IPAddress, _ rows: [Row], targets: [Row], _ now: Timestamp, _ context: RequestContext
    ) throws -> [GrantPlan] {
        let granted = try rows.filter { try !$0.isNull("knoc_id") }
        let held = try granted.filter { try $0.address("held") == address }
            .map { try $0.identifier("knoc_id", as: KnocID.self) }
        var seen = Set(held)
        var plans: [GrantOn: GrantPlan] = [:]
        for row in rows {
            guard let knoc: KnocID = try row.identifierIfPresent("knoc_id") else {
                if try isOver(row, now) { throw Access.signedOut }
                continue
            }
            let rule = GrantRule(
                sessionExpiresAt: try row.timestamp("expires_at"), sessionEnded: try !row.isNull("ended_at"),
                userDisabled: try row.bool("user_disabled"), permitted: try row.bool("permitted"),
                knocDisabled: try row.bool("knoc_disabled"),
                features: try row.text("features").split(separator: " ").map(String.init), address: address)
            let until: Timestamp
            switch rule.decide(at: now) {
            case .signedOut: throw Access.signedOut
            case .notYours, .refused: continue
            case .granted(_, let limit): until = min(limit, try row.timestamp("until"))
            }
            guard until > now, seen.insert(knoc).inserted else { continue }
            let places = try self.targets(targets, of: knoc)
            guard refusal(address, prefixes: places.map(\.ipv6Prefix)) == nil else { continue }
            let origin = GrantOn(rawValue: try row.text("origin")) ?? .click
            var plan =
                plans[origin]
                ?? GrantPlan(
                    user: mover.user, session: mover.session, actor: mover.actor, context: context, address: address,
                    origin: origin, now: now)
            plan.items.append(
                GrantPlan.Item(
                    grant: new(), knoc: knoc, knocName: try row.text("knoc_name"),
                    version: try row.integer("version"), since: try row.timestamp("granted_at"), until: until,
                    targets: places))
            plans[origin] = plan
        }
        return plans.sorted { $0.key.rawValue < $1.key.rawValue }.map(\.value)
    }

    private func isOver(_ row: Row, _ now: Timestamp) throws -> Bool {
        try !row.isNull("ended_at") || row.bool("user_disabled") || row.timestamp("expires_at") <= now
    }

    private func movesLately(_ session: SessionID, besides address: IPAddress) -> Statement {
        AddressTable.moves(session, besides: address, since: late.adding(seconds: -3600))
    }

    private func hasMovedOften(_ rows: [Row]) throws -> Bool {
        try rows.first.map { try $0.integer("moves") } ?? 0 >= options.movesPerHour
    }

    /// What has to make room: of the same family if there is any, then what would leave first, then the oldest.
    private func evicted(_ known: [SessionAddress], for address: IPAddress) -> IPAddress? {
        guard known.count >= options.addressesPerSession else { return nil }
        return known.min { one, other in
            let isKin = (one.address.family == address.family, other.address.family == address.family)
            if isKin.0 != isKin.1 { return isKin.0 }
            let leaves = (one.leavesAt?.microseconds ?? .max, other.leavesAt?.microseconds ?? .max)
            return leaves.0 != leaves.1 ? leaves.0 < leaves.1 : one.addedAt < other.addedAt
        }?.address
    }

    /// Ends what is open for an address before anything new is written, with locks in the usual order: session, Knocs,
    /// grants, agents.
    private func evict(
        _ address: IPAddress?, of session: SessionID, before plans: [GrantPlan], at now: Timestamp,
        _ tx: any Transaction
    ) async throws -> Ending? {
        guard let address else { return nil }
        if !plans.isEmpty { try checkLocks(plans, try await tx.run(plans.locks)) }
        try await tx.run(AddressTable.leave(address, of: session, at: now))
        let ending = try await end(.address(session, address), reason: "address_left", at: now, tx)
        try await tx.run(bump(ending.agents.union(plans.agents)))
        return ending
    }
}
