import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

extension Response {
    /// What a ping came to.
    ///
    /// - Throws: ``Problem`` 409 where the agent is offline, 504 where it did not answer in time.
    static func pinged(_ outcome: PingOutcome) throws -> Response {
        switch outcome {
        case .pong(let time, let node):
            return .json(
                .object([
                    ("reply", .text("pong")), ("round_trip_ms", .written(PingOutcome.milliseconds(time))),
                    ("via", .text(node)),
                ]))
        case .offline(let seen):
            var problem = Problem(.conflict, "agent-offline", "Offline", outcome.words)
            problem.members = [("last_seen_at", JSON(seen))]
            throw problem
        case .silent: throw Problem(.gatewayTimeout, "agent-silent", "No answer", outcome.words)
        }
    }
}

extension Response {
    /// An agent's last log lines.
    ///
    /// - Throws: ``Problem`` 409 where the agent is offline or too old to tell, 504 where it did not answer in time.
    static func logged(_ outcome: LogOutcome) throws -> Response {
        switch outcome {
        case .lines(let lines, let node):
            return .json(.object([("lines", .list(lines.map { .text($0) })), ("via", .text(node))]))
        case .offline(let seen): return try pinged(.offline(lastSeen: seen))
        case .silent: return try pinged(.silent)
        case .untold: throw Problem(.conflict, "agent-outdated", "Outdated", outcome.refusal ?? "")
        }
    }
}

extension Notice {
    static func pinged(_ outcome: PingOutcome) -> Notice {
        if case .pong = outcome { return .done(outcome.words) }
        return .warning(outcome.words)
    }
}
