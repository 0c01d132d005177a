/// An agent as far as zones go.
public struct ZonedAgent: Hashable, Sendable {
    public var id: AgentID
    /// nil where it has none.
    public var zone: String?
    /// Whether it serves allow lists itself.
    public var isEdge: Bool
    /// Whether it may be chosen through a zone: enabled, and in contact once.
    public var isMember: Bool
    /// Whether it has been heard of lately.
    public var isHeard: Bool
    /// Entries that are wanted on it.
    public var entries: Int64

    public init(
        id: AgentID, zone: String? = nil, isEdge: Bool = false, isMember: Bool = true, isHeard: Bool = true,
        entries: Int64 = 0
    ) {
        self.id = id
        self.zone = zone
        self.isEdge = isEdge
        self.isMember = isMember
        self.isHeard = isHeard
        self.entries = entries
    }
}
