/// How an agent stands, as administrators see it.
public enum AgentStatus: String, Sendable, Hashable, Codable, CaseIterable {
    /// It has never connected.
    case pending
    case online
    /// Linked, and not heard of for 15 s.
    case stale
    /// Its link ended, or it was not heard of for 30 s.
    case offline
    case disabled
    /// Linked, and of an older release, or speaking an older protocol, than this node.
    case outdated
    /// A second instance with the same identity came a while ago.
    case duplicate
}
