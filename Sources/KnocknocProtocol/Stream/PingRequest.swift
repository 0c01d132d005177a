public import KnocknocModel

/// A ping that somebody waits for, perhaps on another node than the one that holds the agent's link.
public struct PingRequest: Hashable, Sendable {
    public var id: PingID
    public var agent: AgentID

    public init(id: PingID, agent: AgentID) {
        self.id = id
        self.agent = agent
    }
}
