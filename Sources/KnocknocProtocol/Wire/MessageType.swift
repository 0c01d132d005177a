private enum TypeKey: String, CodingKey { case type }

extension Decoder {
    /// Reads `type` and finds what it names.
    ///
    /// - Throws: ``ProtocolError`` with code `unknownType` where `find` knows no such thing.
    func messageType<Kind>(_ find: (String) -> Kind?) throws -> Kind {
        let name = try container(keyedBy: TypeKey.self).decode(String.self, forKey: .type)
        guard let kind = find(name) else {
            throw ProtocolError(.unknownType, "a message of the unknown type \"\(name.prefix(64))\"")
        }
        return kind
    }
}

extension Encoder {
    /// Writes `type`, then the payload's own fields into the same object.
    func encodeMessage(type: String, _ payload: any Encodable) throws {
        var container = container(keyedBy: TypeKey.self)
        try container.encode(type, forKey: .type)
        try payload.encode(to: self)
    }
}
