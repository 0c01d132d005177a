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
                    ("reply", .text("pong")), ("round_trip_ms", .written(PingText.milliseconds(time))),
                    ("via", .text(node)),
                ]))
        case .offline(let seen):
            var problem = Problem(.conflict, "agent-offline", "Offline", PingText.words(outcome))
            problem.members = [("last_seen_at", JSON(seen))]
            throw problem
        case .silent: throw Problem(.gatewayTimeout, "agent-silent", "No answer", PingText.words(outcome))
        }
    }
}

/// What a ping came to, in words.
enum PingText {
    /// With three decimals at most: in one building it is a fraction of a millisecond.
    static func milliseconds(_ time: Duration) -> String {
        String(Double(Int64(time / .microseconds(1))) / 1000)
    }

    static func words(_ outcome: PingOutcome) -> String {
        switch outcome {
        case .pong(let time, let node): "pong · \(milliseconds(time)) ms via \(node)"
        case .offline(let seen?): "The agent is offline; it was last seen at \(seen)."
        case .offline(nil): "The agent has never linked."
        case .silent: "No answer in 5 s."
        }
    }

    static func notice(_ outcome: PingOutcome) -> Notice {
        if case .pong = outcome { return .done(words(outcome)) }
        return .warning(words(outcome))
    }
}
