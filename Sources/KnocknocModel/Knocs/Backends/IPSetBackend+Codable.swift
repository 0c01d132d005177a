extension IPSetBackend: Codable {
    private enum Keys: String, CodingKey, CaseIterable {
        case ipv4, ipv6
        case blockIPv4 = "block_ipv4"
        case blockIPv6 = "block_ipv6"
    }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(Keys.self)
        let fields = try decoder.container(keyedBy: Keys.self)
        self.init(
            ipv4: try fields.decodeIfPresent(String.self, forKey: .ipv4),
            ipv6: try fields.decodeIfPresent(String.self, forKey: .ipv6),
            blockIPv4: try fields.decodeIfPresent(String.self, forKey: .blockIPv4),
            blockIPv6: try fields.decodeIfPresent(String.self, forKey: .blockIPv6))
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Keys.self)
        try fields.encodeIfPresent(ipv4, forKey: .ipv4)
        try fields.encodeIfPresent(ipv6, forKey: .ipv6)
        try fields.encodeIfPresent(blockIPv4, forKey: .blockIPv4)
        try fields.encodeIfPresent(blockIPv6, forKey: .blockIPv6)
    }
}
