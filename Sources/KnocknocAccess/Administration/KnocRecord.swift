public import KnocknocModel

/// Where a Knoc is enforced: on which agents, and how they open it.
public struct EnforcementSpec: Sendable, Hashable {
    public var place: EnforcementPlace
    public var backend: Backend

    public init(place: EnforcementPlace, backend: Backend) {
        self.place = place
        self.backend = backend
    }

    public init(agentID: AgentID, backend: Backend) { self.init(place: .agent(agentID), backend: backend) }

    /// nil where a zone is named.
    public var agentID: AgentID? {
        if case .agent(let id) = place { id } else { nil }
    }

    /// nil where an agent is named.
    public var zone: String? {
        if case .zone(let name) = place { name } else { nil }
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
    /// The zones whose agents enforce it (``ZoneSelection``); none is all.
    public var zones: [String]
    public var placement: Placement
    /// Seconds without a word from any server after which its agents let nobody in; nil lets everybody stay.
    public var closeAfterSeconds: Int64?
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
    public var zones: [String]
    public var placement: Placement
    public var closeAfterSeconds: Int64?

    public init(
        name: String, url: String? = nil, groupIDs: [GroupID] = [], grantOn: GrantOn = .click,
        durationSeconds: Int64? = nil, openWhen: OpenWhen = .all, enforcement: [EnforcementSpec] = [],
        disabled: Bool = false, zones: [String] = [], placement: Placement = .all, closeAfterSeconds: Int64? = nil
    ) {
        self.name = name
        self.url = url
        self.groupIDs = groupIDs
        self.grantOn = grantOn
        self.durationSeconds = durationSeconds
        self.openWhen = openWhen
        self.enforcement = enforcement
        self.disabled = disabled
        self.zones = zones
        self.placement = placement
        self.closeAfterSeconds = closeAfterSeconds
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
    public var zones: [String]?
    public var placement: Placement?
    public var closeAfterSeconds: Change<Int64> = .keep
    public var disabled: Bool?

    public init() {}
}
