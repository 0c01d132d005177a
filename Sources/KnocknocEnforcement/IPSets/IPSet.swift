import KnocknocModel

/// A set of ipset(8).
struct IPSet: Hashable, Sendable, CustomStringConvertible {
    var name: String
    var addresses: IPAddress.Family
    /// Its elements are networks of so many bits; nil is of single addresses.
    var prefix: Int?
    /// Whether it holds those whose access has just ended.
    var blocks = false

    /// How long an address stays in a set of blocked ones: longer than TCP goes on retransmitting.
    static let blockSeconds = FlowSet.seconds
    /// The longest timeout that the kernel and ipset(8) both take.
    static let longest: UInt32 = 2_147_483
    /// How many elements a set that the agent makes may hold; they take memory only once they are there.
    static let room: UInt32 = 1_048_576
    /// The default timeout, in seconds, of a set that the agent makes: what is added without one leaves, too.
    static let defaultTimeout: UInt32 = 60

    var description: String { "ipset \(name)" }

    /// How long the elements' prefixes are.
    var length: Int { prefix ?? addresses.bits }
    /// What it is when the agent makes it.
    var type: String { prefix == nil ? "hash:ip" : "hash:net" }

    /// The command that makes it as it should be.
    var creation: String {
        "ipset create \(name) \(type) family \(addresses == .v4 ? "inet" : "inet6") timeout \(Self.defaultTimeout) "
            + "maxelem \(Self.room) comment"
    }
}

extension IPAddress.Family {
    /// NFPROTO_IPV4, NFPROTO_IPV6.
    var netfilter: UInt8 { self == .v4 ? 2 : 10 }
}
