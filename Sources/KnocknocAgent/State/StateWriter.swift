import KnocknocProtocol
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
    func write(_ state: AgentState, tickets: [Int]) async -> Result {
        // A task of its own: the last write of an agent that is being cancelled is written, too.
        let task = Task { [file, threads] in
            try await threads.runIfActive { Self.write(state, tickets, file) }
        }
        let result = try? await task.value
        return result ?? Result(durable: [], stuck: tickets, error: AgentError(.file, "the agent is stopping"))
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
