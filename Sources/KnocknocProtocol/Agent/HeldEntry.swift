public import KnocknocModel

/// An entry as the agent holds it.
public struct HeldEntry: Hashable, Sendable, Codable {
    public var target: TargetID
    public var address: IPAddress
    /// The revision that set `deadline`; `Int64.max` while nothing that the server says may lengthen it.
    public var revision: Int64
    public var deadline: BootTime
    /// The end that the server gave, where this host's own limit moved it ahead.
    public var given: BootTime?

    public init(
        target: TargetID, address: IPAddress, revision: Int64, deadline: BootTime, given: BootTime? = nil
    ) {
        self.target = target
        self.address = address
        self.revision = revision
        self.deadline = deadline
        self.given = given
    }

    public var key: MemberKey { MemberKey(target: target, address: address) }
}

/// A removal that the agent remembers, so that a rewound server cannot give the address back.
public struct HeldRemoval: Hashable, Sendable, Codable {
    public var removal: Removal
    public var keptUntil: BootTime

    public init(removal: Removal, keptUntil: BootTime) {
        self.removal = removal
        self.keptUntil = keptUntil
    }
}

/// A new or widened guard that no administrator has confirmed yet.
public struct HeldTrial: Hashable, Sendable, Codable {
    /// What was in force before, nil where nothing was.
    public var previous: TargetDefinition?
    public var deadline: BootTime
    /// The time ran out; the guard is as it was before.
    public var reverted: Bool

    public init(previous: TargetDefinition?, deadline: BootTime, reverted: Bool = false) {
        self.previous = previous
        self.deadline = deadline
        self.reverted = reverted
    }
}
