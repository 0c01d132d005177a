/// Whether a session may have a Knoc now, and until when.
public struct GrantRule: Hashable, Sendable {
    public var sessionExpiresAt: Timestamp
    public var sessionEnded: Bool
    public var userDisabled: Bool
    /// Whether the user is in one of the Knoc's groups.
    public var permitted: Bool
    public var knocDisabled: Bool
    /// Words that name what the Knoc's terms need of a node.
    public var features: [String]
    /// Length of a grant; nil is as long as the session.
    public var durationSeconds: Int64?
    public var address: IPAddress?
    /// Why this address gets nothing; nil where it may.
    public var addressReason: String?

    public init(
        sessionExpiresAt: Timestamp, sessionEnded: Bool = false, userDisabled: Bool = false, permitted: Bool,
        knocDisabled: Bool = false, features: [String] = [], durationSeconds: Int64? = nil, address: IPAddress?,
        addressReason: String? = nil
    ) {
        self.sessionExpiresAt = sessionExpiresAt
        self.sessionEnded = sessionEnded
        self.userDisabled = userDisabled
        self.permitted = permitted
        self.knocDisabled = knocDisabled
        self.features = features
        self.durationSeconds = durationSeconds
        self.address = address
        self.addressReason = addressReason
    }

    public enum Decision: Hashable, Sendable {
        case granted(IPAddress, until: Timestamp)
        /// The session is over or its user may not be here.
        case signedOut
        /// The user has nothing to do with this Knoc.
        case notYours
        /// Visible, and not to be had; the reason is for the user.
        case refused(String)
    }

    /// The features of Knocs that this release serves; a Knoc that needs another one stays closed.
    public static let knownFeatures: Set<String> = [zones, closeAfter, Backend.prefixFeature]

    /// Where a Knoc is enforced follows from zones.
    public static let zones = "zones"
    /// Agents close it where no server speaks to them.
    public static let closeAfter = "close_after"

    public func decide(at now: Timestamp) -> Decision {
        guard !sessionEnded, !userDisabled, sessionExpiresAt > now else { return .signedOut }
        guard permitted, !knocDisabled else { return .notYours }
        if let reason = Self.refusal(features: features) { return .refused(reason) }
        if let addressReason { return .refused(addressReason) }
        guard let address else { return .refused("your address is not known to this server") }
        return .granted(address, until: expiry(at: now))
    }

    /// The earlier of the session's end and the Knoc's own duration from now.
    private func expiry(at now: Timestamp) -> Timestamp {
        guard let durationSeconds else { return sessionExpiresAt }
        return min(sessionExpiresAt, now.adding(seconds: durationSeconds))
    }

    /// Why a Knoc with these features cannot be served; nil where it can.
    public static func refusal(features: [String]) -> String? {
        let unknown = features.filter { !knownFeatures.contains($0) }
        guard !unknown.isEmpty else { return nil }
        return "this server is too old for this Knoc: it needs \(unknown.joined(separator: ", "))"
    }
}
