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

extension PingOutcome {
    /// In a sentence.
    public var words: String {
        switch self {
        case .pong(let time, let node): "pong · \(Self.milliseconds(time)) ms via \(node)"
        case .offline(let seen?): "The agent is offline; it was last seen at \(seen)."
        case .offline(nil): "The agent has never linked."
        case .silent: "No answer in 5 s."
        }
    }

    /// With three decimals at most: in one building it is a fraction of a millisecond.
    public static func milliseconds(_ time: Duration) -> String {
        String(Double(Int64(time / .microseconds(1))) / 1000)
    }
}
