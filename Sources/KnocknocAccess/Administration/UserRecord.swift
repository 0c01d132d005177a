public import KnocknocModel

/// A user as administrators see it.
public struct UserRecord: Sendable, Hashable {
    public var id: UserID
    public var name: String
    public var displayName: String?
    public var email: String?
    public var groupIDs: [GroupID]
    /// nil is the site's default.
    public var sessionSeconds: Int64?
    public var disabled: Bool
    public var version: Int64
    public var createdAt: Timestamp
}

/// What makes a user.
public struct UserDraft: Sendable, Hashable {
    public var name: String
    /// nil makes a user who cannot sign in with a password.
    public var password: String?
    public var displayName: String?
    public var email: String?
    public var groupIDs: [GroupID]
    public var sessionSeconds: Int64?
    public var disabled: Bool

    public init(
        name: String, password: String?, displayName: String? = nil, email: String? = nil, groupIDs: [GroupID] = [],
        sessionSeconds: Int64? = nil, disabled: Bool = false
    ) {
        self.name = name
        self.password = password
        self.displayName = displayName
        self.email = email
        self.groupIDs = groupIDs
        self.sessionSeconds = sessionSeconds
        self.disabled = disabled
    }
}

/// What an edit changes; nil and `keep` leave a field alone.
public struct UserPatch: Sendable, Hashable {
    public var name: String?
    /// A new password ends the user's sessions.
    public var password: String?
    public var displayName: Change<String> = .keep
    public var email: Change<String> = .keep
    public var groupIDs: [GroupID]?
    public var sessionSeconds: Change<Int64> = .keep
    public var disabled: Bool?

    public init() {}
}
