import KnocknocIdentity
import KnocknocModel
import KnocknocStore

extension Access {
    /// Signs a user in and grants what is granted by signing in.
    ///
    /// - Parameter replaced: the token of the session that the same browser had; it ends, with its grants.
    /// - Throws: ``AccessError``: unauthenticated, throttled, busy.
    public func signIn(
        user name: String, password: String, replacing replaced: String? = nil, _ context: RequestContext
    ) async throws -> SignIn {
        let key = Access.lookUpKey(name)
        let attempt = attempt(key, kind: .user, context)
        let results = try await database.run(
            [UserTable.credentials(key: key)] + attempt.reads(late))
        try check(attempt, Array(results[1...]))
        let row = results[0].first
        let hash = try row.flatMap(usableHash)
        guard try await verify(password, hash, attempt), let row, let hash else {
            throw try await failed(attempt, account: row == nil ? nil : name, context)
        }
        let user: UserID = try row.identifier("id")
        let token = Secret.new()
        return try await untilStill {
            try await write { tx in
                let read = try await tx.run(
                    [
                        UserTable.lock(user, passwordHash: hash), SiteTable.now(), RightQuery.forSignIn(user),
                        RightQuery.targetsForSignIn(user),
                    ] + attempt.reads(late))
                guard let row = read[0].first, let clock = read[1].first else { throw Access.wrongPassword }
                try check(attempt, Array(read[4...]))
                let now = try clock.now(self)
                let length = try row.optional("session_seconds", row.integer) ?? options.defaultSessionSeconds
                var session = Session(
                    id: new(), principal: .user(user), name: try row.text("name"),
                    displayName: try row.optional("display_name", row.text), address: nil, addressReason: nil,
                    createdAt: now, expiresAt: now.adding(seconds: min(length, options.maxSessionSeconds)),
                    csrf: Secret.csrf(token))
                place(&session, context)
                session.takeOwnAddress()
                let plans = try plan(session, user, knocs: read[2], targets: read[3], now: now, context)
                let old = try await replace(replaced, before: plans, at: now, tx)
                var statements = try self.statements(plans, at: now)
                statements.insert(insert(session, token, context), at: 0)
                statements += session.addresses.map {
                    AddressTable.add($0.address, to: session.id, origin: $0.origin.rawValue, at: now)
                }
                statements.append(
                    try audit(
                        AuditLine(
                            "session.create", by: session.actor, ("session", session.id.description, session.name),
                            session.addressReason.map { ["refused": $0] } ?? [:]), at: now, context))
                let written = try await tx.run(statements)
                try checkLocks(plans, written, offset: 1)
                var effects = Effects(agents: plans.agents, users: [user])
                if let old {
                    effects.merge(
                        try await settle(old.ending, at: now, by: session.actor, context, extra: [old.line], tx))
                    effects.users.insert(old.user)
                }
                return (SignIn(token: token, session: session), effects)
            }
        }
    }

    /// Signs an administrator in.
    ///
    /// - Parameter replaced: the token of the session that the same browser had; it ends.
    /// - Throws: ``AccessError``: unauthenticated, throttled, busy.
    public func signIn(
        admin name: String, password: String, replacing replaced: String? = nil, _ context: RequestContext
    ) async throws -> SignIn {
        let key = Access.lookUpKey(name)
        let attempt = attempt(key, kind: .admin, context)
        let results = try await database.run([AdminTable.credentials(key: key)] + attempt.reads(late))
        try check(attempt, Array(results[1...]))
        let row = results[0].first
        let hash = try row.flatMap(usableHash)
        guard try await verify(password, hash, attempt), let row, let hash else {
            throw try await failed(attempt, account: row == nil ? nil : name, context)
        }
        let admin: AdminID = try row.identifier("id")
        return try await write { tx in
            let read = try await tx.run(
                [AdminTable.lock(admin, passwordHash: hash), SiteTable.now()] + attempt.reads(late))
            guard let row = read[0].first, let clock = read[1].first else { throw Access.wrongPassword }
            try check(attempt, Array(read[2...]))
            let now = try clock.now(self)
            let signIn = try await begin(admin, name: try row.text("name"), at: now, context, tx)
            if let replaced {
                let ended = try await tx.run(
                    SessionTable.end(ofAdmin: Secret.hash(replaced), at: now, reason: "signed_in_again"))
                for row in ended {
                    let line = Access.replacedLine(try row.text("id"), by: signIn.session.actor)
                    try await tx.run(try audit(line, at: now, context))
                }
            }
            return (signIn, Effects())
        }
    }

    /// Ends the session that a sign-in replaces, before anything of the new one is written. The new grants are made
    /// before the old ones are settled, so that what both hold does not flicker. Locks are taken in the usual order:
    /// session, Knocs, grants, agents.
    private func replace(
        _ token: String?, before plans: [GrantPlan], at now: Timestamp, _ tx: any Transaction
    ) async throws -> (ending: Ending, line: AuditLine, user: UserID)? {
        guard let token else { return nil }
        let ended = try await tx.run(
            SessionTable.end(ofUser: Secret.hash(token), at: now, reason: "signed_in_again"))
        guard let row = ended.first else { return nil }
        if !plans.isEmpty {
            let locked = try await tx.run(plans.locks)
            try checkLocks(plans, locked)
        }
        let ending = try await end(.session(try row.identifier("id")), reason: "signed_in_again", at: now, tx)
        try await tx.run(bump(ending.agents.union(plans.agents)))
        let user: UserID = try row.identifier("user_id")
        return (ending, Access.replacedLine(try row.text("id"), by: .system), user)
    }

    private static func replacedLine(_ session: String, by actor: Actor) -> AuditLine {
        AuditLine("session.end", by: actor, ("session", session, nil), ["reason": "signed_in_again"])
    }

    /// A new session of an administrator.
    func begin(
        _ admin: AdminID, name: String, at now: Timestamp, _ context: RequestContext, _ tx: any Transaction
    ) async throws -> SignIn {
        let token = Secret.new()
        var session = Session(
            id: new(), principal: .admin(admin), name: name, displayName: nil, address: nil, addressReason: nil,
            createdAt: now, expiresAt: now.adding(seconds: options.adminSessionSeconds), csrf: Secret.csrf(token))
        place(&session, context)
        try await tx.run([
            insert(session, token, context),
            try audit(
                AuditLine("session.create", by: session.actor, ("session", session.id.description, name)), at: now,
                context),
        ])
        return SignIn(token: token, session: session)
    }

    private func insert(_ session: Session, _ token: String, _ context: RequestContext) -> Statement {
        SessionTable.insert(
            session.id, user: session.userID, admin: session.adminID, token: Secret.hash(token),
            address: session.address, addressReason: session.addressReason,
            userAgent: context.userAgent.map { String($0.prefix(300)) }, createdAt: session.createdAt,
            expiresAt: session.expiresAt)
    }

    private func place(_ session: inout Session, _ context: RequestContext) {
        switch context.client {
        case .address(let address):
            session.address = address
            session.addressReason = AddressRule.refusal(address, loopback: options.allInOne)
        case .refused(let address, let reason):
            session.address = address
            session.addressReason = reason
        }
    }

    /// One plan at most; none where nothing is granted by signing in, or nothing may be granted.
    private func plan(
        _ session: Session, _ user: UserID, knocs: [Row], targets: [Row], now: Timestamp, _ context: RequestContext
    ) throws -> [GrantPlan] {
        var plan: GrantPlan?
        for row in knocs {
            let rule = GrantRule(
                sessionExpiresAt: session.expiresAt, permitted: true,
                features: try row.text("features").split(separator: " ").map(String.init),
                durationSeconds: try row.optional("duration_seconds", row.integer), address: session.address,
                addressReason: session.addressReason)
            guard case .granted(let address, let until) = rule.decide(at: now) else { continue }
            let knoc: KnocID = try row.identifier("knoc_id")
            let places = try self.targets(targets, of: knoc)
            guard refusal(address, prefixes: places.map(\.ipv6Prefix)) == nil else { continue }
            let item = GrantPlan.Item(
                grant: new(), knoc: knoc, knocName: try row.text("knoc_name"), version: try row.integer("version"),
                until: until, targets: places)
            if plan == nil {
                plan = GrantPlan(
                    user: user, session: session.id, actor: session.actor, context: context, address: address,
                    origin: .signIn, now: now)
            }
            plan?.items.append(item)
        }
        return plan.map { [$0] } ?? []
    }

    /// nil where the account is disabled or has no password: then no password fits, after the same time.
    private func usableHash(_ row: Row) throws -> String? {
        try row.bool("disabled") ? nil : try row.optional("password_hash", row.text)
    }

    static let wrongPassword = AccessError(.unauthenticated, "name and password do not fit")
}
