// {} from an administrator; {"id":…,"keys":[…]} on the way to whoever serves the list.

extension AllowListBackend: Codable {
    private enum Keys: String, CodingKey, CaseIterable { case id, keys }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(Keys.self)
        let fields = try decoder.container(keyedBy: Keys.self)
        guard let id = try fields.decodeIfPresent(AllowListID.self, forKey: .id) else {
            self.init()
            return
        }
        self.init(
            service: AllowListService(
                id: id, keys: try fields.decodeIfPresent([AllowListKey].self, forKey: .keys) ?? []))
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Keys.self)
        guard let service else { return }
        try fields.encode(service.id, forKey: .id)
        try fields.encode(service.keys, forKey: .keys)
    }
}

extension AllowListKey: Codable {
    private enum Keys: String, CodingKey {
        case id, hash, networks
        case expiresAt = "expires_at"
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Keys.self)
        guard let hash = Base64URL.decode(try fields.decode(String.self, forKey: .hash)), hash.count == 32 else {
            throw DecodingError.dataCorruptedError(
                forKey: .hash, in: fields, debugDescription: "hash: expected 32 bytes in base64")
        }
        self.init(
            id: try fields.decode(APIKeyID.self, forKey: .id), hash: hash,
            networks: try fields.decode([CIDR].self, forKey: .networks),
            expiresAt: try fields.decodeIfPresent(Int64.self, forKey: .expiresAt).map(Timestamp.init(microseconds:)))
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Keys.self)
        try fields.encode(id, forKey: .id)
        try fields.encode(Base64URL.encode(hash), forKey: .hash)
        try fields.encode(networks, forKey: .networks)
        try fields.encodeIfPresent(expiresAt?.microseconds, forKey: .expiresAt)
    }
}
