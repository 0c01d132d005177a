import KnocknocModel
import Synchronization

/// The database's clock as far as it is known here: never behind it, never running backwards.
final class ClockEstimate: Sendable {
    private struct State {
        var sample: Timestamp?
        /// When the query for `sample` was sent.
        var sent: ContinuousClock.Instant
        var answered: ContinuousClock.Instant
        /// The wall clock when it was last ahead of what is told here, and when that was.
        var anchor: (wall: Timestamp, at: ContinuousClock.Instant)?
        var last: Timestamp
    }

    private let state: Mutex<State>
    private let wall: @Sendable () -> Timestamp

    /// - Parameter wall: stands in until the first sample. Where it is set back, time since boot goes on counting.
    init(wall: @escaping @Sendable () -> Timestamp) {
        self.wall = wall
        let now = ContinuousClock.now
        state = Mutex(State(sample: nil, sent: now, answered: now, last: Timestamp(microseconds: 0)))
    }

    /// Takes what the database answered to a query sent at `sent`: the time between counts as passed, so that the
    /// estimate is late by at most the round trip and never early.
    func take(_ sample: Timestamp, sent: ContinuousClock.Instant, answered: ContinuousClock.Instant = .now) {
        state.withLock { state in
            state.sample = sample
            state.sent = sent
            state.answered = answered
        }
    }

    func now(at instant: ContinuousClock.Instant = .now) -> Timestamp {
        state.withLock { state in
            let estimate: Timestamp
            if let sample = state.sample {
                estimate = Timestamp(
                    microseconds: sample.microseconds + state.sent.duration(to: instant).microsecondsRoundedUp)
            } else {
                let wall = wall()
                let counted = state.anchor.map { anchor in
                    Timestamp(
                        microseconds: anchor.wall.microseconds
                            + max(.zero, anchor.at.duration(to: instant)).microsecondsRoundedDown)
                }
                estimate = max(wall, counted ?? wall)
                if counted.map({ wall > $0 }) ?? true { state.anchor = (wall, instant) }
            }
            state.last = max(state.last, estimate)
            return state.last
        }
    }

    /// Time since the database last answered.
    func silence(at instant: ContinuousClock.Instant = .now) -> Duration {
        state.withLock { $0.answered.duration(to: instant) }
    }
}

extension Duration {
    var microsecondsRoundedUp: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + (attoseconds + 999_999_999_999) / 1_000_000_000_000
    }

    var microsecondsRoundedDown: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
