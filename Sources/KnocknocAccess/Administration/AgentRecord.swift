public import KnocknocModel

/// An agent as administrators see it.
public struct AgentRecord: Sendable, Hashable {
    public typealias Status = AgentStatus

    public var id: AgentID
    public var name: String
    public var zone: String?
    /// The zone that its own file names; counts where `zone` is nil.
    public var toldZone: String?
    /// Whether it serves allow lists itself.
    public var isEdge = false
    public var disabled: Bool
    public var embedded: Bool
    /// The web node whose `AgentsDir` declares it; nil where none does.
    public var declaredBy: String?
    public var status: Status
    /// The web node that holds, or last held, its link.
    public var node: String?
    public var connectedAt: Timestamp?
    public var lastSeenAt: Timestamp?
    public var software: String?
    public var machine: String?
    public var system: String?
    public var capabilities: [String: String]
    /// SHA-256 of the pinned signing key, `SHA256:` and base64; nil before first contact.
    public var fingerprint: String?
    /// The same of a key that was refused and waits for approval.
    public var offeredFingerprint: String?
    /// From where a second instance with this identity came last, while the status says so.
    public var duplicateAddress: String?
    /// Entries that are to be open and that the agent has confirmed.
    public var entriesApplied: Int64
    /// Entries that are to be open.
    public var entriesWanted: Int64
    public var version: Int64
    public var createdAt: Timestamp

    /// The zone that it stands in.
    public var zoneInForce: String? { zone ?? toldZone }

    /// Whether it has a link over which it may answer.
    public var isLinked: Bool {
        switch status {
        case .online, .stale, .outdated, .duplicate: true
        case .pending, .offline, .disabled: false
        }
    }
}

/// What makes an agent.
public struct AgentDraft: Sendable, Hashable {
    public var name: String
    public var zone: String?
    /// Made before; nil has one made.
    public var token: String?

    public init(name: String, zone: String? = nil, token: String? = nil) {
        self.name = name
        self.zone = zone
        self.token = token
    }
}

/// What an edit changes; nil and `keep` leave a field alone.
public struct AgentPatch: Sendable, Hashable {
    public var name: String?
    public var zone: Change<String> = .keep
    public var disabled: Bool?

    public init() {}
}
