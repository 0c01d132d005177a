/// What an agent answered a ping with.
public struct PingAnswer: Hashable, Sendable {
    /// There and back over its link.
    public var roundTrip: Duration
    /// Its last log lines, where they were asked for and the agent is new enough to say them.
    public var log: [String]?

    public init(roundTrip: Duration, log: [String]? = nil) {
        self.roundTrip = roundTrip
        self.log = log
    }
}
