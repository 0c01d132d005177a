/// Which of an agent's states is shown where several are true: the one that somebody has to do something about.
public enum AgentStatusRule {
    /// Seconds without a word.
    public static let stale: Int64 = 15
    public static let offline: Int64 = 30
    /// For how long a second instance is shown, in seconds; one that goes on trying comes back sooner.
    public static let duplicate: Int64 = 120

    public struct Facts: Sendable {
        public var disabled: Bool
        /// Whether the node that held the link saw it end.
        public var closed: Bool
        public var lastSeen: Timestamp?
        /// When a second instance was last seen.
        public var duplicate: Timestamp?
        public var now: Timestamp
        public var isOutdated: Bool

        public init(
            disabled: Bool, closed: Bool, lastSeen: Timestamp?, duplicate: Timestamp?, now: Timestamp, isOutdated: Bool
        ) {
            self.disabled = disabled
            self.closed = closed
            self.lastSeen = lastSeen
            self.duplicate = duplicate
            self.now = now
            self.isOutdated = isOutdated
        }
    }

    public static func status(_ facts: Facts) -> AgentStatus {
        if facts.disabled { return .disabled }
        guard let seen = facts.lastSeen else { return .pending }
        let silence = facts.now.milliseconds(since: seen)
        if facts.closed || silence > offline * 1000 { return .offline }
        if let twin = facts.duplicate, facts.now.milliseconds(since: twin) <= duplicate * 1000 { return .duplicate }
        if silence > stale * 1000 { return .stale }
        return facts.isOutdated ? .outdated : .online
    }
}
