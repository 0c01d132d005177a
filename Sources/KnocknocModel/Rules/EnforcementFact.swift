/// One agent's part in one grant: what is wanted of it and what it has said.
public struct EnforcementFact: Hashable, Sendable {
    public var agent: String
    /// Whether the agent's link is up and has been heard of lately.
    public var linked: Bool
    public var wanted: Bool
    /// Whether the agent has confirmed the newest revision of its row.
    public var confirmed: Bool
    public var outcome: Outcome
    public var reason: String?
    public var targetOutcome: Outcome
    public var targetReason: String?
    /// Whether the device ends an entry at its expiry with the agent dead.
    public var endsByItself: Bool
    /// Whether the agent has been silent for so long that it lets nobody in, as the Knoc demands.
    public var hasLapsed: Bool
    /// Whether the Knoc is enforced there; not on an agent that a live grant has left, where others may want the entry.
    public var isPlaced: Bool

    public init(
        agent: String, linked: Bool = true, wanted: Bool, confirmed: Bool, outcome: Outcome, reason: String? = nil,
        targetOutcome: Outcome = .applied, targetReason: String? = nil, endsByItself: Bool = true,
        hasLapsed: Bool = false, isPlaced: Bool = true
    ) {
        self.agent = agent
        self.linked = linked
        self.wanted = wanted
        self.confirmed = confirmed
        self.outcome = outcome
        self.reason = reason
        self.targetOutcome = targetOutcome
        self.targetReason = targetReason
        self.endsByItself = endsByItself
        self.hasLapsed = hasLapsed
        self.isPlaced = isPlaced
    }
}
