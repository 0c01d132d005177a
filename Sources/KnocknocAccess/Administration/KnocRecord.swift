public import KnocknocModel

/// Where a Knoc is enforced: one agent and how it opens there.
public struct EnforcementSpec: Sendable, Hashable, Codable {
    public var agentID: AgentID
    public var backend: Backend

    enum CodingKeys: String, CodingKey {
        case agentID = "agent_id"
        case backend
    }

    public init(agentID: AgentID, backend: Backend) {
        self.agentID = agentID
        self.backend = backend
    }
}

/// A Knoc as administrators see it.
public struct KnocRecord: Sendable, Hashable {
    public var id: KnocID
    public var name: String
    public var url: String?
    public var groupIDs: [GroupID]
    public var grantOn: GrantOn
    /// nil is as long as the session.
    public var durationSeconds: Int64?
    public var openWhen: OpenWhen
    public var enforcement: [EnforcementSpec]
    public var disabled: Bool
    /// What the agents say of the kernel objects, in the order of `enforcement`.
    public var targets: [TargetStatus]
    /// The list that devices fetch; nil where it never had one.
    public var allowList: AllowListID?
    public var version: Int64
    public var createdAt: Timestamp
}

/// What makes a Knoc.
public struct KnocDraft: Sendable, Hashable {
    public var name: String
    public var url: String?
    public var groupIDs: [GroupID]
    public var grantOn: GrantOn
    public var durationSeconds: Int64?
    public var openWhen: OpenWhen
    public var enforcement: [EnforcementSpec]
    public var disabled: Bool

    public init(
        name: String, url: String? = nil, groupIDs: [GroupID] = [], grantOn: GrantOn = .click,
        durationSeconds: Int64? = nil, openWhen: OpenWhen = .all, enforcement: [EnforcementSpec] = [],
        disabled: Bool = false
    ) {
        self.name = name
        self.url = url
        self.groupIDs = groupIDs
        self.grantOn = grantOn
        self.durationSeconds = durationSeconds
        self.openWhen = openWhen
        self.enforcement = enforcement
        self.disabled = disabled
    }
}

/// What an edit changes; nil and `keep` leave a field alone.
public struct KnocPatch: Sendable, Hashable {
    public var name: String?
    public var url: Change<String> = .keep
    public var groupIDs: [GroupID]?
    public var grantOn: GrantOn?
    public var durationSeconds: Change<Int64> = .keep
    public var openWhen: OpenWhen?
    public var enforcement: [EnforcementSpec]?
    public var disabled: Bool?

    public init() {}
}
