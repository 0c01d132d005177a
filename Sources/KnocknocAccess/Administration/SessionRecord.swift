public import KnocknocModel

/// A session as administrators see it.
public struct SessionRecord: Sendable, Hashable {
    public var id: SessionID
    public var principal: Session.Principal
    public var name: String
    public var address: IPAddress?
    /// All that a live session of a user opens things for.
    public var addresses: [SessionAddress] = []
    public var addressReason: String?
    public var userAgent: String?
    public var createdAt: Timestamp
    public var expiresAt: Timestamp
    public var lastSeenAt: Timestamp
    public var endedAt: Timestamp?
    public var endReason: String?
}
