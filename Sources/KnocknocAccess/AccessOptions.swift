public import KnocknocModel

/// What a site decides about sessions, grants and failed sign-ins.
public struct AccessOptions: Sendable {
    /// Length of a session where the user has none of their own, in seconds.
    public var defaultSessionSeconds: Int64 = 8 * 3600
    /// No session is longer, in seconds.
    public var maxSessionSeconds: Int64 = 30 * 86_400
    /// Length of an administrator's session, in seconds.
    public var adminSessionSeconds: Int64 = 8 * 3600
    /// Whether loopback addresses may be granted: client, server and firewall are one machine.
    public var allInOne = false
    /// Failed sign-ins of one account from one network (/24, /64) in a quarter of an hour before more are refused.
    public var failuresPerAccountAndNetwork: Int64 = 5
    /// Failed sign-ins from one network in a quarter of an hour before more are refused.
    public var failuresPerNetwork: Int64 = 100
    /// What stands in front of this server, which is granted nothing, nor any network that it is in.
    public var trustedForwarders: @Sendable () -> [CIDR] = { [] }
    /// Seconds without use after which an API key ends; nil where it does not.
    public var keyIdleSeconds: Int64? = 90 * 86_400
    /// Addresses that a session may have at once.
    public var addressesPerSession = 4
    /// Moves to other addresses within an hour before the user is asked for the password.
    public var movesPerHour: Int64 = 6
    /// How long an address that another of its family has replaced stays without being seen, in seconds.
    public var addressGraceSeconds: Int64 = 60
    /// How long a token for a ProbeURL counts, in seconds.
    public var probeSeconds: Int64 = 60
    /// Such tokens of one session that may wait to be used.
    public var probesPerSession: Int64 = 16
    /// For a grant in all, with what it waits for.
    public var grantPatience = Duration.seconds(5)
    /// For a session that somebody else holds, before its click goes without those that share its transaction.
    public var sessionPatience = Duration.milliseconds(100)
    /// Agents that one transaction changes at most when a Knoc follows its zones and few grants move with it.
    public var zonePage = 256
    /// For an agent's answer to a ping.
    public var pingPatience = Duration.seconds(5)
    /// SHA-256 of tokens that agents may come with before anybody has made them here.
    public var agentTokens: Set<[UInt8]> = []
    /// For the answer of a link that another instance of its agent wants to replace.
    public var duplicatePatience = Duration.seconds(2)
    /// Microseconds added to the database's clock; for tests that drive time.
    public var clockOffset: @Sendable () -> Int64 = { 0 }

    public init() {}
}
