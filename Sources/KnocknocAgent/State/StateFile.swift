import Crypto
import FoundationEssentials
import KnocknocModel
public import KnocknocProtocol

/// The agent's memory across restarts: one JSON object, mode 0600, always whole. Its first field is the SHA-256 of what
/// follows it, so that a disk that loses or changes bytes lets nobody in, and for no longer than the kernel was told.
public struct StateFile: Sendable {
    /// More than a hundred thousand entries need.
    static let limit = 64 << 20

    public enum Content: Sendable {
        case none
        case state(AgentState)
        /// It could not be understood and was moved to `movedTo`: until a server speaks nobody is let in, and what only
        /// this agent ends (scripts, access lists of HAProxy) stays as it is.
        case damaged(reason: String, movedTo: String?)
    }

    public let path: String

    public init(path: String) { self.path = path }

    /// - Throws: ``AgentError`` where the file is there and cannot be read at all.
    public func read() throws(AgentError) -> Content {
        guard let bytes = try FileText.kept(path, limit: Self.limit) else { return .none }
        do throws(Damage) { return .state(try Self.decode(bytes)) } catch { return setAside(error.reason) }
    }

    /// The state for somebody who only looks: a damaged file is left where it is.
    func peek() throws(AgentError) -> AgentState? {
        guard let bytes = try FileText.kept(path, limit: Self.limit) else { return nil }
        return try? Self.decode(bytes)
    }

    /// Replaces the file; when it returns the new content is durable.
    func write(_ state: AgentState) throws(AgentError) {
        guard let bytes = try? Self.encode(state) else {
            throw AgentError(.file, "\(path): the state cannot be written as JSON")
        }
        try FileText.replace(path, with: bytes)
    }

    func remove() throws(AgentError) { try FileText.remove(path) }

    private func setAside(_ reason: String) -> Content {
        let end = ".damaged"
        do throws(AgentError) {
            try FileText.move(path, appending: end)
            return .damaged(reason: reason, movedTo: path + end)
        } catch {
            return .damaged(reason: reason, movedTo: nil)
        }
    }

    // MARK: The text

    /// Why a file's text counts for nothing.
    struct Damage: Error { var reason: String }

    private static let opening = Array(#"{"sum":""#.utf8)
    /// What stands before the bytes that the sum is of.
    private static let head = opening.count + 64 + 2

    static func encode(_ state: AgentState) throws -> [UInt8] { signed(Array(try JSONEncoder().encode(state))) }

    /// An object with the sum of its other fields as its first.
    static func signed(_ object: [UInt8]) -> [UInt8] {
        let rest = object.dropFirst()
        return opening + sum(rest) + Array("\",".utf8) + rest
    }

    static func decode(_ bytes: [UInt8]) throws(Damage) -> AgentState {
        guard !bytes.isEmpty else { throw Damage(reason: "it is empty") }
        guard bytes.count > head, bytes.starts(with: opening), Array(bytes[(head - 2)..<head]) == Array("\",".utf8)
        else {
            throw Damage(reason: "it is not whole, or carries no sum (\(bytes.count) bytes)")
        }
        guard Array(bytes[opening.count..<(head - 2)]) == sum(bytes[head...]) else {
            throw Damage(reason: "it is not as it was written (\(bytes.count) bytes)")
        }
        guard let state = try? JSONText.decode(AgentState.self, from: bytes) else {
            throw Damage(reason: "it cannot be understood (\(bytes.count) bytes)")
        }
        guard state.format == AgentState.currentFormat else {
            throw Damage(reason: "format \(state.format); this version reads \(AgentState.currentFormat)")
        }
        return state
    }

    /// SHA-256 in hexadecimal.
    private static func sum(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return SHA256.hash(data: bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
