public import KnocknocModel
import KnocknocStore

extension Access {
    /// A token that a browser shows once, at a ProbeURL, from whatever address it has there. Only its hash is stored.
    public struct Probe: Sendable {
        public var token: String
        public var expiresAt: Timestamp
    }

    /// Tokens for the session's browser, one for each place where it is to show itself.
    ///
    /// - Throws: ``AccessError``: busy where as many as may be wait to be used; unauthenticated where the session is over.
    public func probes(for session: Session, count: Int) async throws -> [Probe] {
        guard session.userID != nil, count > 0 else { return [] }
        return try await write { tx in
            let read = try await tx.run([SessionTable.lock(session.id), SiteTable.now()])
            guard !read[0].isEmpty, let now = try read[1].first?.now(self) else { throw Access.signedOut }
            let waiting = try await tx.run(ProbeTable.count(of: session.id, now: now)).first
            let left = options.probesPerSession - (try waiting.map { try $0.integer("probes") } ?? 0)
            guard left >= Int64(count) else {
                throw AccessError(
                    .busy, "this session is looking for its other addresses already",
                    retryAfter: Int(options.probeSeconds))
            }
            let probes = (0..<count).map { _ in
                Probe(token: Secret.new(), expiresAt: now.adding(seconds: options.probeSeconds))
            }
            try await tx.run(
                probes.map {
                    ProbeTable.insert(Secret.hash($0.token), session: session.id, expiresAt: $0.expiresAt)
                })
            return (probes, Effects())
        }
    }

    private static var noProbe: AccessError {
        AccessError(.unauthenticated, "this token is unknown, used or too old")
    }

    /// Takes the address that a browser shows itself from into the session that its token is of; see
    /// ``move(_:password:_:)``. A token counts once, whatever comes of it.
    ///
    /// - Returns: that address.
    /// - Throws: ``AccessError``: unauthenticated where the token is unknown, used or too old; forbidden with the reason;
    ///   confirmation where the session has moved often lately.
    public func probe(token: String, _ context: RequestContext) async throws -> IPAddress {
        let hash = Secret.hash(token)
        // Nobody who only guesses makes the database write anything.
        guard token.utf8.count == Secret.length else { throw Access.noProbe }
        let known = try await database.run(ProbeTable.one(hash))
        guard !known.isEmpty else { throw Access.noProbe }
        let used: SessionID? = try await write { tx in
            guard let row = try await tx.run(ProbeTable.use(hash)).first,
                try row.timestamp("expires_at") > row.now(self)
            else { return (SessionID?.none, Effects()) }
            let session: SessionID = try row.identifier("session_id")
            return (SessionID?.some(session), Effects())
        }
        guard let used, let row = try await database.run(ProbeTable.session(used)).first else {
            throw Access.noProbe
        }
        let user: UserID = try row.identifier("user_id")
        let mover = Mover(session: used, user: user, actor: .user(user, name: try row.text("name")))
        _ = try await move(mover, origin: .probe, context)
        guard let address = context.client.known else { throw Access.signedOut }
        return address
    }
}
