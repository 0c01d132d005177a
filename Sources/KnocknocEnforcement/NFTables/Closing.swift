import KnocknocModel

/// Which closing of one address on one target is meant.
struct ClosingKey: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// No member any more: its element and flows go, unless it has been let in again.
        case leave
        /// Stays a member, but its flows are to be cut.
        case cut
    }

    var target: TargetID
    var address: IPAddress
    var kind: Kind
}

/// A closing that could not be done yet.
struct Closing: Hashable, Sendable {
    /// As it was defined then: it may be forgotten by now.
    var target: Membership.Target
    var reason: String
    /// Which attempt failed.
    var attempt: Int
}
