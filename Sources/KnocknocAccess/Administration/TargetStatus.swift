public import KnocknocModel
public import KnocknocProtocol

/// A kernel or proxy object and what its agent last said of it.
public struct TargetStatus: Sendable, Hashable {
    public var id: TargetID
    public var agentID: AgentID
    public var agentName: String
    public var backend: Backend
    public var purpose: TargetDefinition.Purpose
    /// False while a guard is on trial.
    public var confirmed: Bool
    public var outcome: Outcome
    /// The kernel's or the agent's own words.
    public var reason: String?
    /// The agent's last report about the trial.
    public var trial: AgentMessage.Trial?
    /// Whether a Knoc's grants are enforced there; false where it only closes, and another agent of the zone lets in.
    public var isPlaced = true
}
