public import KnocknocModel

/// A group as administrators see it.
public struct GroupRecord: Sendable, Hashable {
    public var id: GroupID
    public var name: String
    public var kind: GroupKind
    public var claim: String?
    /// How many users are in it.
    public var userCount: Int64
    /// How many Knocs are given to it.
    public var knocCount: Int64
    public var version: Int64
    public var createdAt: Timestamp
}

/// What makes a group.
public struct GroupDraft: Sendable, Hashable {
    public var name: String
    public var kind: GroupKind
    /// The identity provider's value that makes a member; needed unless the group is local.
    public var claim: String?

    public init(name: String, kind: GroupKind = .local, claim: String? = nil) {
        self.name = name
        self.kind = kind
        self.claim = claim
    }
}

/// What an edit changes; nil and `keep` leave a field alone.
public struct GroupPatch: Sendable, Hashable {
    public var name: String?
    public var kind: GroupKind?
    public var claim: Change<String> = .keep

    public init() {}
}
