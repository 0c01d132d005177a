public import KnocknocModel

/// Who did something, for the audit.
public enum Actor: Sendable, Hashable {
    case user(UserID, name: String)
    case admin(AdminID, name: String)
    case agent(AgentID, name: String)
    /// A rule of the system: an expiry, a sweep.
    case system
    /// Someone with a shell on a machine of the site.
    case cli
}
