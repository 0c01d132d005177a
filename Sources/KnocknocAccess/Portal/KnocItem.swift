public import KnocknocModel

/// One Knoc as its user sees it.
public struct KnocItem: Sendable, Hashable {
    public var id: KnocID
    public var name: String
    public var url: String?
    public var grantOn: GrantOn
    public var state: KnocState
    /// When the grant ends; nil where there is none.
    public var expiresAt: Timestamp?
    /// Why it is as it is, where that needs words.
    public var reason: String?
    /// It was taken from the user; said once, to those who watch.
    public var isGone = false

    public init(
        id: KnocID, name: String, url: String?, grantOn: GrantOn, state: KnocState, expiresAt: Timestamp?,
        reason: String?
    ) {
        self.id = id
        self.name = name
        self.url = url
        self.grantOn = grantOn
        self.state = state
        self.expiresAt = expiresAt
        self.reason = reason
    }
}
