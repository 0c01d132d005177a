/// The site in numbers.
public struct Dashboard: Sendable, Hashable {
    public var liveGrants: Int64
    /// Of users and of administrators.
    public var sessions: Int64
    public var adminSessions: Int64
    /// Knocs with a live grant.
    public var openKnocs: Int64
    public var users: Int64
    public var groups: Int64
    public var knocs: Int64
    public var agents: Int64
    /// Agents that have linked at least once.
    public var agentsLinked: Int64
    public var agentsOnline: Int64
    /// Entries and targets that an agent could not make true.
    public var failed: Int64
}
