import KnocknocModel

/// Statements in flight between two syncs of a pipeline. Touched under its connection's lock until it is completed.
final class PostgresRequest: @unchecked Sendable {  // guarded by the connection's lock, then owned by the waiter
    enum Step {
        case prepare(PreparedStatement)
        case execute(PreparedStatement?)
    }

    struct Reply: Sendable {
        var result: PostgresResult
        var prepared: PreparedStatement?

        func rows() throws(StoreError) -> [Row] {
            try result.rows(prepared?.columns { result.columns } ?? result.columns)
        }
    }

    struct Outcome: Sendable {
        var replies: [Reply]
        /// A COMMIT that is not known to be on a synchronous standby.
        var wasSyncWaitCancelled: Bool
    }

    let statements: [Statement]
    let deadline: ContinuousClock.Instant
    private let continuation: CheckedContinuation<Outcome, any Error>?

    var steps: [Step] = []
    /// The step and the statement whose results come next.
    var step = 0
    var statement = 0
    var replies: [Reply] = []
    var failure: StoreError?
    var wasSyncWaitCancelled = false

    /// - Parameter continuation: nil where nobody waits.
    init(
        _ statements: [Statement], deadline: ContinuousClock.Instant,
        _ continuation: CheckedContinuation<Outcome, any Error>?
    ) {
        self.statements = statements
        self.deadline = deadline
        self.continuation = continuation
    }

    func complete() {
        if let failure {
            continuation?.resume(throwing: failure)
        } else {
            continuation?.resume(returning: Outcome(replies: replies, wasSyncWaitCancelled: wasSyncWaitCancelled))
        }
    }
}
