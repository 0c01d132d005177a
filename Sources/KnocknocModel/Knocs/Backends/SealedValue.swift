/// A secret that only one agent can read, as the store and the link carry it: `1.AGENT.KNOC.KEY.CONTEXT.PAYLOAD`.
///
/// It is sealed by HPKE (RFC 9180) to the agent's key, together with whom and what it is for: one that is moved to
/// another agent, Knoc, variable or program, or whose program is given other variables, does not open.
public struct SealedValue: Hashable, Sendable, Codable {
    /// The version that this build writes, and the only one that it reads.
    public static let version = "1"

    public var text: String

    public init(text: String) { self.text = text }

    public init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

extension SealedValue {
    /// What its text says of it in the clear.
    public struct Parts: Hashable, Sendable {
        public var agent: AgentID
        public var knoc: KnocID
        /// The first bytes of the SHA-256 of the key that it is sealed to.
        public var key: [UInt8]
        /// The first bytes of the SHA-256 of what it is bound to.
        public var context: [UInt8]
        /// The encapsulated key of 32 bytes and the ciphertext.
        public var payload: [UInt8]

        public init(agent: AgentID, knoc: KnocID, key: [UInt8], context: [UInt8], payload: [UInt8]) {
            self.agent = agent
            self.knoc = knoc
            self.key = key
            self.context = context
            self.payload = payload
        }
    }

    /// How many bytes of a key's or a context's SHA-256 the text has.
    public static let digestBytes = 16

    public init(_ parts: Parts) {
        let encoded = [parts.key, parts.context, parts.payload].map { Base64URL.encode($0) }
        text = ([Self.version, parts.agent.description, parts.knoc.description] + encoded).joined(separator: ".")
    }

    /// Nil where it is not of this version's form.
    public var parts: Parts? {
        let words = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 6, words[0] == Self.version, let agent = AgentID(words[1]), let knoc = KnocID(words[2]),
            let key = Base64URL.decode(words[3]), let context = Base64URL.decode(words[4]),
            let payload = Base64URL.decode(words[5]), key.count == Self.digestBytes,
            context.count == Self.digestBytes, payload.count > 48
        else { return nil }
        return Parts(agent: agent, knoc: knoc, key: key, context: context, payload: payload)
    }

    /// What a value is bound to: version, agent, Knoc, variable, and the program with all else that it is given.
    /// Each part stands after its length, so that no two look alike.
    public static func context(
        agent: AgentID, knoc: KnocID, field: String, of script: ScriptBackend
    ) -> [UInt8] {
        let variables = script.environment.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
        let parts =
            [
                "knocknoc secret", version, agent.description, knoc.description, "script", field, script.path,
                script.name,
            ]
            + variables
        return parts.flatMap { part -> [UInt8] in
            let bytes = Array(part.utf8)
            return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bytes.count >> $0) } + bytes
        }
    }
}
