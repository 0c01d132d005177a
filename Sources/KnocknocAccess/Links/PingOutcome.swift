public import KnocknocModel

/// What became of a ping.
public enum PingOutcome: Hashable, Sendable {
    /// - Parameters:
    ///   - roundTrip: to the agent and back over its link.
    ///   - node: the web node that holds the link.
    case pong(roundTrip: Duration, node: String)
    /// It has no link, so nothing was asked.
    case offline(lastSeen: Timestamp?)
    /// Nothing came back in time.
    case silent
}
