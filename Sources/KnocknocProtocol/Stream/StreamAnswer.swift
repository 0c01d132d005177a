/// What the store gives an agent that stands at some position, or at none.
public enum StreamAnswer: Hashable, Sendable {
    /// The rows above `after`, present and absent; only where the store's history has `after` with its change id.
    case delta(StreamRows, after: Position)
    /// All rows. `diverged` where a position was given that is not one of this history: another epoch, a revision
    /// that was never reached, or one that was reached by another change. False where no position was given.
    case snapshot(StreamRows, diverged: Bool)

    /// The rows of either.
    public var rows: StreamRows {
        switch self {
        case .delta(let rows, _), .snapshot(let rows, _): rows
        }
    }
}
