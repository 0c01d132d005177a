extension ScriptBackend: Codable {
    private enum Keys: String, CodingKey, CaseIterable {
        case path, name, environment, sealed, secrets
    }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(Keys.self)
        let fields = try decoder.container(keyedBy: Keys.self)
        self.init(
            path: try fields.decode(String.self, forKey: .path),
            name: try fields.decodeIfPresent(String.self, forKey: .name) ?? Self.standardName,
            environment: try fields.decodeIfPresent([String: String].self, forKey: .environment) ?? [:],
            sealed: try fields.decodeIfPresent([String: SealedValue].self, forKey: .sealed) ?? [:],
            secrets: try fields.decodeIfPresent([String: SecretText].self, forKey: .secrets) ?? [:])
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Keys.self)
        try fields.encode(path, forKey: .path)
        try fields.encode(name, forKey: .name)
        try fields.encode(environment, forKey: .environment)
        if !sealed.isEmpty { try fields.encode(sealed, forKey: .sealed) }
    }
}
