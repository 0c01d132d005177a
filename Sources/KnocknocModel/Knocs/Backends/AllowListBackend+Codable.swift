extension AllowListBackend: Codable {
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: NoKeys.self)
        if let key = fields.allKeys.first {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: fields,
                debugDescription: "unknown field \"\(key.stringValue)\"; an allow list has none")
        }
        self.init()
    }

    public func encode(to encoder: any Encoder) throws { _ = encoder.container(keyedBy: NoKeys.self) }

    private struct NoKeys: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
