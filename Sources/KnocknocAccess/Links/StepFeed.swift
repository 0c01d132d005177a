public import KnocknocModel
public import KnocknocProtocol
import Synchronization

/// Hands what a commit changed of an agent's stream to whoever holds links in this process, which saves reading it
/// again on the way of every click.
public final class StepFeed: Sendable {
    public typealias Handler = @Sendable (AgentID, StreamStep) -> Void

    private let handlers = Mutex<[Handler]>([])

    /// Calls `handler` right after each commit with a step; it must not wait.
    public func subscribe(_ handler: @escaping Handler) { handlers.withLock { $0.append(handler) } }

    /// - Returns: whether anybody was there to take it.
    func publish(_ agent: AgentID, _ step: StreamStep) -> Bool {
        let handlers = handlers.withLock { $0 }
        for handler in handlers { handler(agent, step) }
        return !handlers.isEmpty
    }
}
