public import KnocknocModel

/// What names a zone.
public struct ZoneRenaming: Sendable, Hashable {
    /// Agents whose administrator has put them there.
    public var agents: [AgentID] = []
    /// Agents that stand there since their own files say so.
    public var told: [AgentID] = []
    /// Knocs that are limited to it, kept out of it, or enforced in it.
    public var knocs: [KnocID] = []

    public var isEmpty: Bool { agents.isEmpty && told.isEmpty && knocs.isEmpty }
}
