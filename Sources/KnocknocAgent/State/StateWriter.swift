import KnocknocProtocol
import NIOCore
import NIOPosix

/// Writes the state file beside the agent's work: one write at a time, each with everything that came meanwhile.
struct StateWriter: Sendable {
    struct Result: Sendable {
        /// Work that may be confirmed: the file holds it, or is gone.
        var durable: [Int]
        /// Work whose file still grants what was taken away; it must be tried again.
        var stuck: [Int]
        var error: AgentError?
    }

    let file: StateFile
    let threads: NIOThreadPool

    /// - Parameter tickets: work that waits for this; not empty where something was taken away. A file that cannot
    ///   be replaced then must not stay, because after a restart it would grant that again.
    /// - Parameter done: called on the event loop when the file is durable, or is known not to be.
    func begin(
        _ state: AgentState, tickets: [Int], on eventLoop: any EventLoop, done: @escaping @Sendable (Result) -> Void
    ) {
        let file = file
        threads.runIfActive(eventLoop: eventLoop) { Self.write(state, tickets, file) }
            .whenComplete { result in done((try? result.get()) ?? Self.stopped(tickets)) }
    }

    /// The same for whoever waits; a cancelled task's write is done, too.
    func write(_ state: AgentState, tickets: [Int], on eventLoop: any EventLoop) async -> Result {
        await withCheckedContinuation { continuation in
            begin(state, tickets: tickets, on: eventLoop) { continuation.resume(returning: $0) }
        }
    }

    private static func stopped(_ tickets: [Int]) -> Result {
        Result(durable: [], stuck: tickets, error: AgentError(.file, "the agent is stopping"))
    }

    static func write(_ state: AgentState, _ tickets: [Int], _ file: StateFile) -> Result {
        do throws(AgentError) {
            try file.write(state)
            return Result(durable: tickets, stuck: [], error: nil)
        } catch let failure {
            guard !tickets.isEmpty else { return Result(durable: [], stuck: [], error: failure) }
            do throws(AgentError) {
                try file.remove()
                return Result(durable: tickets, stuck: [], error: failure)
            } catch {
                return Result(durable: [], stuck: tickets, error: error)
            }
        }
    }
}
