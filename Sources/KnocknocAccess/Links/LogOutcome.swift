public import KnocknocModel

/// What came of asking an agent for its log.
public enum LogOutcome: Hashable, Sendable {
    /// The oldest first, through the link of that web node.
    case lines([String], node: String)
    /// It has no link, so nothing was asked.
    case offline(lastSeen: Timestamp?)
    /// Nothing came back in time.
    case silent
    /// It answers, and is of a version that does not tell its log.
    case untold(version: String)
}

extension LogOutcome {
    /// Why there are no lines, in a sentence; nil where there are.
    public var refusal: String? {
        switch self {
        case .lines: nil
        case .offline(let seen): PingOutcome.offline(lastSeen: seen).words
        case .silent: PingOutcome.silent.words
        case .untold(let version): "knocknoc-agent \(version) does not tell its log; look on its machine."
        }
    }

    /// A line of an agent that may be anybody's: one line, without what moves a terminal's cursor, 600 bytes at most.
    static func plain(_ line: String) -> String {
        let kept = line.unicodeScalars.lazy.map { $0.properties.generalCategory == .control ? " " : Character($0) }
        return String(decoding: String(kept).utf8.prefix(600), as: UTF8.self)
    }
}
