public import KnocknocModel

/// An API key as administrators see it.
public struct APIKeyRecord: Sendable, Hashable {
    public var id: APIKeyID
    public var name: String
    public var scopes: Set<APIKeyScope>
    /// Where it may be used from.
    public var networks: [CIDR]
    /// nil where it does not end by itself.
    public var expiresAt: Timestamp?
    public var disabled: Bool
    public var lastUsedAt: Timestamp?
    public var lastAddress: IPAddress?
    public var version: Int64
    public var createdAt: Timestamp
    /// SHA-256 of the secret.
    var hash: [UInt8]

    /// Whether it is among those that whoever serves lists is told.
    func opensLists(at now: Timestamp) -> Bool {
        !disabled && expiresAt.map { $0 > now } ?? true && scopes.contains(.readAllowLists)
    }
}

/// What makes an API key.
public struct APIKeyDraft: Sendable, Hashable {
    public var name: String
    public var scopes: Set<APIKeyScope>
    public var networks: [CIDR]
    public var expiresAt: Timestamp?

    public init(name: String, scopes: Set<APIKeyScope>, networks: [CIDR], expiresAt: Timestamp? = nil) {
        self.name = name
        self.scopes = scopes
        self.networks = networks
        self.expiresAt = expiresAt
    }
}

/// What an edit changes; nil and `keep` leave a field alone.
public struct APIKeyPatch: Sendable, Hashable {
    public var name: String?
    public var scopes: Set<APIKeyScope>?
    public var networks: [CIDR]?
    public var expiresAt: Change<Timestamp> = .keep
    public var disabled: Bool?

    public init() {}
}
