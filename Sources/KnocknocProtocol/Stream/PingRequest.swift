public import KnocknocModel

/// A ping that somebody waits for, perhaps on another node than the one that holds the agent's link.
public struct PingRequest: Hashable, Sendable {
    public var id: PingID
    public var agent: AgentID
    /// How many of the agent's last log lines are wanted too; nil for none.
    public var logLines: Int?

    public init(id: PingID, agent: AgentID, logLines: Int? = nil) {
        self.id = id
        self.agent = agent
        self.logLines = logLines
    }
}
