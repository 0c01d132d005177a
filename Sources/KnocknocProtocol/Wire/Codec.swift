import FoundationEssentials
import KnocknocModel
import KnocknocRelease

/// Messages as JSON text, one message a WebSocket message: `{"type": …}` with the payload's fields beside it.
/// Unknown fields are ignored, so that a newer end can say more; an unknown `type` is an error.
public enum Codec {
    /// The most bytes that one message may have, 1 MiB.
    public static let maximumBytes = 1 << 20

    /// The protocols that this build speaks.
    public static let protocols = Release.protocols

    /// The protocol that both ends of a link speak, the highest where there are several.
    ///
    /// - Parameter theirs: the lowest and the highest that the other end says it speaks.
    /// - Returns: nil where there is none.
    public static func agreed(with theirs: (lowest: Int, highest: Int), ours: ClosedRange<Int> = protocols) -> Int? {
        let version = min(ours.upperBound, theirs.highest)
        return version >= max(ours.lowerBound, theirs.lowest) ? version : nil
    }

    /// - Throws: ``ProtocolError`` where the message would be larger than ``maximumBytes``.
    public static func encode(_ message: ServerMessage) throws(ProtocolError) -> [UInt8] {
        try bounded(json(ServerEnvelope(message: message)))
    }

    /// - Throws: ``ProtocolError`` where the message would be larger than ``maximumBytes``.
    public static func encode(_ message: AgentMessage) throws(ProtocolError) -> [UInt8] {
        try bounded(json(AgentEnvelope(message: message)))
    }

    /// Reads what a web node said.
    public static func decodeServer(_ bytes: some Collection<UInt8>) throws(ProtocolError) -> ServerMessage {
        try decode(ServerEnvelope.self, bytes).message
    }

    /// Reads what an agent said.
    public static func decodeAgent(_ bytes: some Collection<UInt8>) throws(ProtocolError) -> AgentMessage {
        try decode(AgentEnvelope.self, bytes).message
    }

    /// How many bytes a value takes on the wire.
    static func size(of value: some Encodable) -> Int { (try? json(value).count) ?? maximumBytes }

    private static func json(_ value: some Encodable) throws(ProtocolError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        do { return Array(try encoder.encode(value)) } catch {
            throw ProtocolError(.malformed, "a message cannot be written as JSON: \(error)")
        }
    }

    private static func bounded(_ bytes: [UInt8]) throws(ProtocolError) -> [UInt8] {
        guard bytes.count <= maximumBytes else {
            throw ProtocolError(.tooLarge, "a message of \(bytes.count) bytes; at most \(maximumBytes) are allowed")
        }
        return bytes
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, _ bytes: some Collection<UInt8>
    ) throws(ProtocolError) -> Value {
        guard bytes.count <= maximumBytes else {
            throw ProtocolError(.tooLarge, "a message of \(bytes.count) bytes; at most \(maximumBytes) are allowed")
        }
        do {
            return try JSONText.decode(type, from: bytes)
        } catch let error as ProtocolError {
            throw error
        } catch let error as DecodingError {
            throw ProtocolError(.malformed, "a message is malformed: \(describe(error))")
        } catch {
            throw ProtocolError(.malformed, "a message is not JSON: \(error)")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        func place(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            return path.isEmpty ? "" : " at \"\(path)\""
        }
        switch error {
        case .keyNotFound(let key, let context): return "\"\(key.stringValue)\" is missing\(place(context))"
        case .typeMismatch(let type, let context): return "expected \(type)\(place(context))"
        case .valueNotFound(let type, let context): return "expected \(type), not null\(place(context))"
        case .dataCorrupted(let context): return context.debugDescription + place(context)
        @unknown default: return "unreadable"
        }
    }
}
