import FoundationEssentials

/// Reads JSON from anywhere: files, links, requests.
public enum JSONText {
    /// Foundation's decoder stops the process over a text whose last byte is the bracket that is one too deep (Swift 6.3);
    /// with white space behind it, it throws.
    ///
    /// - Parameter isSnakeCase: whether `some_field` is meant by `someField`.
    /// - Throws: `DecodingError`.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: some Collection<UInt8>, isSnakeCase: Bool = false
    ) throws -> Value {
        let decoder = JSONDecoder()
        if isSnakeCase { decoder.keyDecodingStrategy = .convertFromSnakeCase }
        var data = Data(capacity: bytes.count + 1)
        data.append(contentsOf: bytes)
        data.append(UInt8(ascii: "\n"))
        return try decoder.decode(type, from: data)
    }
}
