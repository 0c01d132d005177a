import FoundationEssentials
import KnocknocModel

/// JSON in columns of text.
enum JSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func value<Value: Decodable>(_ text: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONText.decode(type, from: text.utf8)
    }

    /// A backend of whatever release wrote it; a node that does not know it hands it on as it is.
    static func backend(_ text: String) throws -> Backend { try value(text, as: ForeignBackend.self).backend }

    /// The same with the terms beside it, as targets have it.
    static func closing(_ text: String) throws -> ClosingBackend { try value(text) }
}
