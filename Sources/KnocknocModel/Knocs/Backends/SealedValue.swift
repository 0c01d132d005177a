/// A secret that only one agent can read, as the store and the link carry it.
public struct SealedValue: Hashable, Sendable, Codable {
    /// The HPKE encapsulated key and the ciphertext (RFC 9180), base64 without line breaks.
    public var text: String

    public init(text: String) { self.text = text }

    public init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
