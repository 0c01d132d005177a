public import KnocknocModel

/// A signed-in browser or client.
public struct Session: Sendable, Hashable {
    public enum Principal: Sendable, Hashable {
        case user(UserID)
        case admin(AdminID)
    }

    public var id: SessionID
    public var principal: Principal
    public var name: String
    public var displayName: String?
    /// What its client came from last; nil where that could not be told.
    public var address: IPAddress?
    /// What it opens things for, in the order of their coming: the newest of each family and what is about to leave.
    public var addresses: [SessionAddress] = []
    /// Why nothing is granted to this session's address; nil where grants are possible.
    public var addressReason: String?
    public var createdAt: Timestamp
    public var expiresAt: Timestamp
    /// Derived from the token, never stored: what a write by cookie must carry.
    public var csrf: String

    /// The user, where this is a user's session.
    public var userID: UserID? { if case .user(let id) = principal { id } else { nil } }
    /// The administrator, where this is an administrator's session.
    public var adminID: AdminID? { if case .admin(let id) = principal { id } else { nil } }

    /// What a session of a user begins with, and all that one of an older release has.
    mutating func takeOwnAddress() {
        guard userID != nil, addressReason == nil, let address else { return }
        addresses = [SessionAddress(address: address, origin: .signIn, addedAt: createdAt)]
    }

    /// For the audit.
    public var actor: Actor {
        switch principal {
        case .user(let id): .user(id, name: name)
        case .admin(let id): .admin(id, name: name)
        }
    }
}

/// The answer to a successful sign-in. The token is shown this once and stored as a hash only.
public struct SignIn: Sendable {
    public var token: String
    public var session: Session
}
