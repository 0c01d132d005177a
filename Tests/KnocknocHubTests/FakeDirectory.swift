import KnocknocHub
import KnocknocModel
import KnocknocProtocol
import Synchronization

/// A store that answers as it is told and remembers what it was asked.
final class FakeDirectory: LinkDirectory {
    struct State {
        var attach = AttachResult.accepted(linkEpoch: 1)
        var answers: [StreamAnswer] = []
        var answer: StreamAnswer
        var standings: [AgentID: LinkStanding] = [:]
        var asked: [Position?] = []
        var replayed: [Removal] = []
        var databaseAge = Duration.zero
        var pings: [PingRequest] = []
        /// Links that were last said to be heard of.
        var heard: [AgentID: Int64] = [:]
        var looks = 0
        /// Whether standings are never answered.
        var isStuck = false
        var fetched: [AgentMessage.Fetched] = []
        var holdsFetches = false
        var refusesFetches = false
        var endpoints: [String] = []
        var stepped: (@Sendable (AgentID, StreamStep) -> Void)?
        var now = Timestamp(microseconds: 1_000_000_000)
    }

    let state: Mutex<State>
    /// What the hub wrote, as it comes.
    let recorded: AsyncStream<AgentMessage.Applied>
    private let record: AsyncStream<AgentMessage.Applied>.Continuation
    /// Pings that were answered, with the node that says so.
    let answered: AsyncStream<(PingID, String)>
    private let answer: AsyncStream<(PingID, String)>.Continuation
    /// Each question for standings that is not answered.
    let stuck: AsyncStream<Void>
    private let asked: AsyncStream<Void>.Continuation
    /// Links that were said to be gone.
    let left: AsyncStream<Int64>
    private let leave: AsyncStream<Int64>.Continuation
    /// What was said of fetched lists, as it comes.
    let heard: AsyncStream<AgentMessage.Fetched>
    private let fetches: AsyncStream<AgentMessage.Fetched>.Continuation
    private let hints: AsyncStream<LinkChange>
    let hint: AsyncStream<LinkChange>.Continuation

    init(answer: StreamAnswer) {
        state = Mutex(State(answer: answer))
        (recorded, record) = AsyncStream.makeStream()
        (answered, self.answer) = AsyncStream.makeStream()
        (heard, fetches) = AsyncStream.makeStream()
        (hints, hint) = AsyncStream.makeStream()
        (stuck, asked) = AsyncStream.makeStream()
        (left, leave) = AsyncStream.makeStream()
    }

    func attach(
        agent: AgentID, hello: AgentMessage.Hello, node: String, from address: IPAddress?
    ) async throws -> AttachResult {
        state.withLock { $0.attach }
    }

    func stream(agent: AgentID, after: Position?) async throws -> StreamAnswer {
        state.withLock { state in
            state.asked.append(after)
            return state.answers.isEmpty ? state.answer : state.answers.removeFirst()
        }
    }

    func record(agent: AgentID, linkEpoch: Int64, applied: [AgentMessage.Applied]) async throws {
        for one in applied { record.yield(one) }
    }

    func trial(agent: AgentID, linkEpoch: Int64, trial: AgentMessage.Trial) async throws {}

    /// Waits where ``State/holdsFetches`` says so, as for a lock.
    func fetched(agent: AgentID, _ report: AgentMessage.Fetched) async throws {
        let (waits, refuses) = state.withLock { state in
            state.fetched.append(report)
            return (state.holdsFetches, state.refusesFetches)
        }
        fetches.yield(report)
        if refuses { throw ProtocolError(.malformed, "no database") }
        guard waits else { return }
        let (never, hold) = AsyncStream<Void>.makeStream()
        for await _ in never {}
        hold.finish()
        throw CancellationError()
    }

    func replay(agent: AgentID, removals: [Removal]) async throws { state.withLock { $0.replayed += removals } }

    func standings(of agents: [AgentID]) async throws -> [AgentID: LinkStanding] {
        let (standings, isStuck) = state.withLock { ($0.standings, $0.isStuck) }
        if isStuck {
            asked.yield()
            try await Task.sleep(for: .seconds(3600))
        }
        return standings
    }

    func presence(_ links: [AgentID: Int64], node: String) async throws { state.withLock { $0.heard = links } }

    /// As a database does, it does nothing for a task that is cancelled.
    func detach(agent: AgentID, linkEpoch: Int64) async throws {
        try Task.checkCancellation()
        leave.yield(linkEpoch)
    }

    func pings() async throws -> [PingRequest] {
        state.withLock { state in
            state.looks += 1
            return state.pings
        }
    }

    func answer(_ ping: PingID, _ pong: PingAnswer, node: String) async throws {
        state.withLock { state in state.pings.removeAll { $0.id == ping } }
        answer.yield((ping, node))
    }

    func endpoints() -> [String] { state.withLock { $0.endpoints } }

    func estimatedNow() -> Timestamp { state.withLock { $0.now } }

    func databaseAge() -> Duration { state.withLock { $0.databaseAge } }

    func onStep(_ handler: @escaping @Sendable (AgentID, StreamStep) -> Void) {
        state.withLock { $0.stepped = handler }
    }

    /// What a commit of this node does.
    func step(_ agent: AgentID, _ step: StreamStep) { state.withLock { $0.stepped }?(agent, step) }

    func changes() -> AsyncStream<LinkChange> { hints }
}
