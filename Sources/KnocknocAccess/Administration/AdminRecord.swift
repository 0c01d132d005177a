public import KnocknocModel

/// An administrator as administrators see it.
public struct AdminRecord: Sendable, Hashable {
    public var id: AdminID
    public var name: String
    public var disabled: Bool
    public var version: Int64
    public var createdAt: Timestamp
}

/// What makes an administrator.
public struct AdminDraft: Sendable, Hashable {
    public var name: String
    public var password: String

    public init(name: String, password: String) {
        self.name = name
        self.password = password
    }
}

/// What an edit changes; nil leaves a field alone.
public struct AdminPatch: Sendable, Hashable {
    public var name: String?
    /// A new password ends the administrator's sessions.
    public var password: String?
    public var disabled: Bool?

    public init() {}
}
