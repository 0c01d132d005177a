public import KnocknocModel

/// A target as far as its agent's link goes.
public struct TargetStanding: Sendable, Hashable {
    /// Whether the agent's link is up and has been heard of lately.
    public var isLinked: Bool
    public var lastSeenAt: Timestamp?
    /// Entries on it that the agent has confirmed.
    public var entriesApplied: Int64
    /// Entries on it that are to be open.
    public var entriesWanted: Int64
    /// Entries on it that are to be closed and that may still be open, since the agent has not confirmed it.
    public var entriesClosing: Int64
}
