public import KnocknocModel

/// A grant as administrators see it.
public struct GrantRecord: Sendable, Hashable {
    public var id: GrantID
    public var userID: UserID
    public var userName: String
    public var knocID: KnocID
    public var knocName: String
    public var sessionID: SessionID
    public var address: IPAddress
    public var origin: GrantOn
    public var createdAt: Timestamp
    public var expiresAt: Timestamp
    public var state: KnocState
    public var reason: String?
    public var endedAt: Timestamp?
    public var endReason: String?
    /// What each agent has done about it.
    public var parts: [Part]
    /// Other people for whom what it opens is open too: it stays open until the last of them leaves.
    public var sharedWith: [Sharer] = []

    public struct Sharer: Sendable, Hashable {
        public var userID: UserID
        public var userName: String
    }

    /// One agent's part in a grant.
    public struct Part: Sendable, Hashable {
        public var agentID: AgentID
        public var agentName: String
        public var state: KnocState
        public var reason: String?
        /// Whether the grant lives and has moved to another agent; this one has still to confirm that it is closed there.
        public var isLeft = false
    }

    /// How many parts there are, without those that it has left.
    public var partsInAll: Int { parts.count { !$0.isLeft } }

    /// Parts that are as they should be: open while the grant lives, closed afterwards.
    public var partsDone: Int {
        parts.count { endedAt == nil ? [.open, .dryRun].contains($0.state) : $0.state == .closed }
    }
}
