import KnocknocModel
import KnocknocProtocol
import Logging
import Synchronization

/// Writes down who fetched lists from agents, beside their links, so that no link waits for it: at once what an agent
/// says first, and then what it has said meanwhile, in one write for each agent and pause.
final class FetchReports: Sendable {
    private struct State {
        var waiting: [AgentID: AgentMessage.Fetched] = [:]
        var written: [AgentID: ContinuousClock.Instant] = [:]
    }

    /// Between two writes for one agent; agents speak once a minute.
    static let pause = Duration.seconds(50)

    private let directory: any LinkDirectory
    private let logger: Logger
    private let state = Mutex(State())
    private let signal: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(directory: any LinkDirectory, logger: Logger) {
        self.directory = directory
        self.logger = logger
        (signal, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func put(_ report: AgentMessage.Fetched, agent: AgentID) {
        state.withLock { $0.waiting[agent, default: .init(fetches: [])].add(report) }
        wake.yield()
    }

    func run() async {
        for await _ in signal {
            for (agent, report) in due() { await write(report, agent: agent) }
        }
    }

    /// Has written what waited for its turn, where that has come.
    func retry(at now: ContinuousClock.Instant = .now) {
        let isWaiting = state.withLock { state in
            state.written = state.written.filter { now - $0.value < Self.pause }
            return !state.waiting.isEmpty
        }
        if isWaiting { wake.yield() }
    }

    /// Writes whatever is left, since nobody will ask again; until something cannot be written, so that a node that has
    /// lost its database does not wait for it once for each agent.
    func finish() async {
        for (agent, report) in due(all: true) {
            guard await write(report, agent: agent) else { return }
        }
    }

    /// Takes what is to be written at `now`.
    func due(
        at now: ContinuousClock.Instant = .now, all: Bool = false
    ) -> [(agent: AgentID, report: AgentMessage.Fetched)] {
        state.withLock { state in
            let due = state.waiting.filter { agent, _ in
                all || state.written[agent].map { now - $0 >= Self.pause } ?? true
            }
            for agent in due.keys {
                state.waiting[agent] = nil
                state.written[agent] = now
            }
            return due.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }
    }

    /// - Returns: whether it was written; else it waits for the next time.
    @discardableResult
    private func write(_ report: AgentMessage.Fetched, agent: AgentID) async -> Bool {
        do {
            try await directory.fetched(agent: agent, report)
            return true
        } catch {
            if !(error is CancellationError) {
                logger.warning(
                    "Who fetched lists from an agent could not be noted; it is tried again.",
                    metadata: ["agent": "\(agent)", "error": "\(error)"])
            }
            state.withLock { $0.waiting[agent, default: .init(fetches: [])].add(report) }
            return false
        }
    }
}
