import FoundationEssentials
public import KnocknocProtocol

/// The agent's memory across restarts: one JSON file, mode 0600, always whole.
public struct StateFile: Sendable {
    /// More than a hundred thousand entries need.
    static let limit = 64 << 20

    public enum Content: Sendable {
        case none
        case state(AgentState)
        /// It could not be understood and was moved to `movedTo`: everything stays closed until a server speaks.
        case damaged(reason: String, movedTo: String?)
    }

    public let path: String

    public init(path: String) { self.path = path }

    /// - Throws: ``AgentError`` where the file is there and cannot be read at all.
    public func read() throws(AgentError) -> Content {
        guard FileText.exists(path) else { return .none }
        let bytes = try FileText.bytes(path, limit: Self.limit)
        do {
            let state = try JSONDecoder().decode(AgentState.self, from: Data(bytes))
            guard state.format == AgentState.currentFormat else {
                return setAside("format \(state.format); this version reads \(AgentState.currentFormat)")
            }
            return .state(state)
        } catch {
            return setAside(bytes.isEmpty ? "it is empty" : "it is not whole (\(bytes.count) bytes)")
        }
    }

    /// The state for somebody who only looks: a damaged file is left where it is.
    func peek() throws(AgentError) -> AgentState? {
        guard FileText.exists(path) else { return nil }
        let bytes = try FileText.bytes(path, limit: Self.limit)
        return try? JSONDecoder().decode(AgentState.self, from: Data(bytes))
    }

    /// Replaces the file; when it returns the new content is durable.
    func write(_ state: AgentState) throws(AgentError) {
        guard let bytes = try? JSONEncoder().encode(state) else {
            throw AgentError(.file, "\(path): the state cannot be written as JSON")
        }
        try FileText.replace(path, with: Array(bytes))
    }

    func remove() throws(AgentError) { try FileText.remove(path) }

    private func setAside(_ reason: String) -> Content {
        let target = path + ".damaged"
        do throws(AgentError) {
            try FileText.move(path, to: target)
            return .damaged(reason: reason, movedTo: target)
        } catch {
            return .damaged(reason: reason, movedTo: nil)
        }
    }
}
