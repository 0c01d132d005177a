/// When failed sign-ins lead to refusal: by account and network, and by network, never by account alone, so that
/// nobody can be locked out by somebody elsewhere.
public struct ThrottleRule: Hashable, Sendable {
    public var failuresPerAccountAndNetwork: Int64
    public var failuresPerNetwork: Int64

    /// Length of the window that failures are counted in: a quarter of an hour, in seconds.
    public static let window: Int64 = 900

    public init(failuresPerAccountAndNetwork: Int64, failuresPerNetwork: Int64) {
        self.failuresPerAccountAndNetwork = failuresPerAccountAndNetwork
        self.failuresPerNetwork = failuresPerNetwork
    }

    /// The start of the window that `now` is in.
    public static func bucket(_ now: Timestamp) -> Timestamp {
        let length = window * 1_000_000
        return Timestamp(microseconds: now.microseconds / length * length)
    }

    /// The /24 or /64 that an address is counted with.
    public static func network(_ address: IPAddress?) -> String {
        guard let address else { return "unknown" }
        return CIDR(containing: address, length: address.family == .v4 ? 24 : 64)?.description ?? "unknown"
    }

    /// - Returns: seconds until another try is taken; nil where one is taken now.
    public func refusal(accountAndNetwork: Int64, network: Int64, at now: Timestamp) -> Int? {
        guard accountAndNetwork >= failuresPerAccountAndNetwork || network >= failuresPerNetwork else { return nil }
        let end = Self.bucket(now).adding(seconds: Self.window)
        return max(1, Int((end.milliseconds(since: now) + 999) / 1000))
    }
}
