public import KnocknocModel
import KnocknocStore

extension Access {
    /// Whether nobody can administer this site yet.
    public func needsFirstAdmin() async throws -> Bool { try await database.run(AdminTable.any()).isEmpty }

    /// A one-time token for the first administrator, good for a day; nil when there is one. Links that other nodes
    /// gave out stay good.
    public func setUpLink() async throws -> String? {
        let token = Secret.new()
        return try await write { tx in
            guard try await tx.run(AdminTable.any()).isEmpty else { return (nil, Effects()) }
            let now = try await clock(tx)
            try await tx.run([
                AdminTable.forgetLinks(before: now),
                AdminTable.insertLink(token: Secret.hash(token), now: now, expiresAt: now.adding(seconds: 86_400)),
            ])
            return (token, Effects())
        }
    }

    /// Makes the first administrator and signs in.
    ///
    /// - Throws: ``AccessError``: unauthenticated where the token is not good any more, throttled, invalid.
    public func redeem(
        setUp token: String, name: String, password: String, _ context: RequestContext
    ) async throws -> SignIn {
        let (name, key) = try checkedName(name, what: "an administrator", field: "username")
        let attempt = attempt("set-up link", kind: .admin, context)
        let hashed = Secret.hash(token)
        let read = try await database.run(
            [AdminTable.link(token: hashed, now: late), AdminTable.any()] + attempt.reads(late))
        try check(attempt, Array(read[2...]))
        // Anybody can ask: no hash is computed before the token is known to be good.
        guard !read[0].isEmpty, read[1].isEmpty else {
            _ = try await failed(attempt, account: nil, reason: "set_up_link", context)
            throw Access.usedLink
        }
        let hash = try await self.hashed(password, context)
        return try await write { tx in
            let now = try await clock(tx)
            let used = try await tx.run(AdminTable.useLink(token: hashed, now: now))
            guard !used.isEmpty, try await tx.run(AdminTable.any()).isEmpty else { throw Access.usedLink }
            let id = try await insertAdmin(name, key, hash, at: now, by: .system, context, tx)
            return (try await begin(id, name: name, at: now, context, tx), Effects())
        }
    }

    /// Sets the password of the administrator or user of that name and ends that principal's sessions.
    ///
    /// - Parameter kind: needed where an administrator and a user have the same name.
    /// - Throws: ``AccessError``: not found, invalid.
    public func setPassword(_ name: String, _ password: String, of kind: PrincipalKind? = nil) async throws {
        let (name, key) = try checkedName(name, what: "an account")
        let hash = try await hashed(password, nil)
        try await write { tx in
            let now = late
            let found = try await tx.run([AdminTable.credentials(key: key), UserTable.credentials(key: key)])
            let kind = try kind ?? only(name, admin: !found[0].isEmpty, user: !found[1].isEmpty)
            guard let row = found[kind == .admin ? 0 : 1].first else { throw Access.none(kind.rawValue, name) }
            let id = try row.text("id")
            let line = AuditLine("\(kind.rawValue).set_password", by: .cli, (kind.rawValue, id, try row.text("name")))
            var ending = Ending(reason: "password_changed")
            var users: Set<UserID> = []
            switch kind {
            case .admin:
                let admin: AdminID = try row.identifier("id")
                try await tx.run([
                    AdminTable.setPassword(key: key, passwordHash: hash, now: now),
                    SessionTable.end(of: admin, at: now, reason: "password_changed"),
                ])
            case .user:
                let user: UserID = try row.identifier("id")
                users = [user]
                try await tx.run([
                    UserTable.setPassword(key: key, passwordHash: hash, now: now),
                    SessionTable.end(of: user, at: now, reason: "password_changed"),
                ])
                ending = try await end(.user(user), reason: "password_changed", at: now, tx)
            }
            var effects = try await settle(ending, at: now, by: .cli, nil, extra: [line], tx)
            effects.users.formUnion(users)
            return ((), effects)
        }
    }

    private static let usedLink = AccessError(
        .unauthenticated, "this link was used, or is older than a day; the server prints a new one when it starts")

    private func only(_ name: String, admin: Bool, user: Bool) throws -> PrincipalKind {
        switch (admin, user) {
        case (true, true):
            throw AccessError(
                .invalid, "there is an administrator and a user named \"\(name)\"; say which with --admin or --user")
        case (true, false): return .admin
        case (false, true): return .user
        case (false, false): throw AccessError(.notFound, "there is no administrator or user named \"\(name)\"")
        }
    }

    /// The all-in-one's own agent, made where it is missing, with a new token in either case.
    public func embeddedAgent(named name: String) async throws -> (id: AgentID, token: String) {
        let (name, key) = try checkedName(name, what: "an agent")
        let token = Secret.new()
        let id = try await refusing("an agent", name: name) {
            try await write { tx in
                let now = try await clock(tx)
                if let row = try await tx.run(AgentTable.embedded(key: key)).first {
                    let id: AgentID = try row.identifier("id")
                    try await tx.run(AgentTable.enrol(id, token: Secret.hash(token), now: now))
                    return (id, Effects())
                }
                let id = try await insertAgent(
                    name, key, zone: nil, embedded: true, token: Secret.hash(token), at: now, by: .system, nil, tx)
                return (id, Effects())
            }
        }
        return (id, token)
    }
}
