import KnocknocAccess
import KnocknocModel

extension Decoder {
    /// The fields of a body. Unknown ones are refused: a misspelt one would silently change nothing.
    func fields<Key: CodingKey & CaseIterable & RawRepresentable<String>>(
        _ type: Key.Type
    ) throws -> KeyedDecodingContainer<Key> {
        try refuseUnknownKeys(type)
        return try container(keyedBy: type)
    }
}

extension KeyedDecodingContainer {
    /// A field that may be absent (left alone), null (emptied) or given.
    func change<Value: Decodable & Sendable & Hashable>(_ type: Value.Type, _ key: Key) throws -> Change<Value> {
        contains(key) ? .set(try decodeIfPresent(type, forKey: key)) : .keep
    }

    /// A field that may be absent and must not be null.
    func given<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value? {
        contains(key) ? try decode(type, forKey: key) : nil
    }

    /// One of an enumeration's values.
    ///
    /// - Throws: `DecodingError` listing them.
    func choice<Value: RawRepresentable<String> & CaseIterable>(_ type: Value.Type, _ key: Key) throws -> Value? {
        guard contains(key), try !decodeNil(forKey: key) else { return nil }
        let text = try decode(String.self, forKey: key)
        if let value = Value(rawValue: text) { return value }
        let known = Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        throw DecodingError.dataCorruptedError(
            forKey: key, in: self, debugDescription: "\"\(text)\" is not known; expected one of \(known)")
    }
}
