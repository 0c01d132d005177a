public import KnocknocModel

/// A target as it travels: its definition and the revision at which it last changed.
public struct TargetRow: Hashable, Sendable, Codable {
    public var definition: TargetDefinition
    public var revision: Int64

    public init(definition: TargetDefinition, revision: Int64) {
        self.definition = definition
        self.revision = revision
    }
}

/// An entry as it travels: current state, never a step, so that repeats and reordering do no harm.
public struct EntryRow: Hashable, Sendable, Codable {
    public var id: EntryID
    public var target: TargetID
    public var address: IPAddress
    public var revision: Int64
    /// Milliseconds of life counted from the message's `since`; nil where the entry is absent.
    public var ttl: Int64?
    /// Established flows are cut when this revision is newer than the agent's position.
    public var cut: Int64?

    enum CodingKeys: String, CodingKey {
        case id, target, address, revision, cut
        case ttl = "ttl_ms"
    }

    public init(id: EntryID, target: TargetID, address: IPAddress, revision: Int64, ttl: Int64?, cut: Int64? = nil) {
        self.id = id
        self.target = target
        self.address = address
        self.revision = revision
        self.ttl = ttl
        self.cut = cut
    }
}

/// A moment of the agent's own clock, which the server hands back as the zero of every `ttl_ms`.
public struct AgentStamp: Hashable, Sendable, Codable {
    /// The kernel's boot id (`/proc/sys/kernel/random/boot_id`).
    public var boot: String
    public var time: BootTime

    public init(boot: String, time: BootTime) {
        self.boot = boot
        self.time = time
    }
}

/// A target or an entry that the agent could not make true.
public struct Failure: Hashable, Sendable, Codable {
    public var target: TargetID
    /// nil where the target itself failed, and with it every entry on it.
    public var entry: EntryID?
    /// The kernel's or the agent's own words, at most 500 bytes.
    public var reason: String

    public init(target: TargetID, entry: EntryID?, reason: String) {
        self.target = target
        self.entry = entry
        self.reason = reason
    }
}

/// An address that the agent took away and that a rewound server may give back.
///
/// The server ends the rights behind an entry that it still wants where `epoch` is not its own or its row of this
/// agent is not newer than `revision`.
public struct Removal: Hashable, Sendable, Codable {
    public var entry: EntryID
    public var target: TargetID
    public var address: IPAddress
    public var revision: Int64
    /// The site's epoch to which `revision` belongs.
    public var epoch: String

    public init(entry: EntryID, target: TargetID, address: IPAddress, revision: Int64, epoch: String) {
        self.entry = entry
        self.target = target
        self.address = address
        self.revision = revision
        self.epoch = epoch
    }
}
