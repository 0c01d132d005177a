import KnocknocModel
import KnocknocProtocol

/// What a state file tells somebody who only looks.
public struct AgentSummary: Hashable, Sendable, Codable {
    /// The id that the server gave this agent.
    public var agent: String?
    /// Entries that were open when the file was written.
    public var entries: Int
    public var targets: Int
    public var revision: Int64?
    /// When it was written, RFC 3339, by this machine's clock.
    public var written: String

    /// - Returns: nil where there is no readable state.
    /// - Throws: ``AgentError`` where the file is there and may not be read.
    public init?(stateFile path: String) throws(AgentError) {
        guard let state = try StateFile(path: path).peek() else { return nil }
        agent = state.agent?.description
        entries = state.entries.count
        targets = state.targets.count
        revision = state.position?.revision
        written = state.wall.description
    }
}
