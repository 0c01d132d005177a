import KnocknocAccess
import KnocknocHub
import KnocknocModel
import KnocknocProtocol
import KnocknocStore

/// The hub's view of the store: the use cases of the agents' side, and how long the database has been silent.
struct AgentDirectory: LinkDirectory {
    let access: Access
    let database: any DatabaseService

    func attach(
        agent: AgentID, hello: AgentMessage.Hello, node: String, from address: IPAddress?
    ) async throws -> AttachResult {
        switch try await access.attach(agent: agent, hello: hello, node: node, from: address) {
        case .accepted(let epoch): .accepted(linkEpoch: epoch)
        case .keyChanged(let fingerprint): .keyChanged(fingerprint: fingerprint)
        case .duplicate: .duplicate
        case .revoked: .revoked
        }
    }

    func stream(agent: AgentID, after: Position?) async throws -> StreamAnswer {
        try await access.stream(agent: agent, after: after)
    }

    func record(agent: AgentID, linkEpoch: Int64, applied: [AgentMessage.Applied]) async throws {
        try await access.record(agent: agent, linkEpoch: linkEpoch, applied: applied)
    }

    func trial(agent: AgentID, linkEpoch: Int64, trial: AgentMessage.Trial) async throws {
        try await access.trial(agent: agent, linkEpoch: linkEpoch, trial: trial)
    }

    func fetched(agent: AgentID, _ report: AgentMessage.Fetched) async throws {
        try await access.fetched(agent: agent, report)
    }

    func replay(agent: AgentID, removals: [Removal]) async throws {
        try await access.replay(agent: agent, removals: removals)
    }

    func standings(of agents: [AgentID]) async throws -> [AgentID: LinkStanding] {
        try await access.standings(of: agents)
    }

    func presence(_ links: [AgentID: Int64], node: String) async throws {
        try await access.presence(links, node: node)
    }

    func detach(agent: AgentID, linkEpoch: Int64) async throws {
        try await access.detach(agent: agent, linkEpoch: linkEpoch)
    }

    func pings() async throws -> [PingRequest] { try await access.waitingPings() }

    func answer(_ ping: PingID, _ answer: PingAnswer, node: String) async throws {
        try await access.answer(ping, answer, node: node)
    }

    func onStep(_ handler: @escaping @Sendable (AgentID, StreamStep) -> Void) { access.steps.subscribe(handler) }

    func endpoints() -> [String] { access.agentURLs }

    func estimatedNow() -> Timestamp { database.estimatedNow() }

    func databaseAge() -> Duration { database.silence() }

    func changes() -> AsyncStream<LinkChange> {
        let events = database.events()
        let (stream, continuation) = AsyncStream<LinkChange>.makeStream()
        let task = Task {
            for await event in events {
                switch event {
                case .agents(let agents): continuation.yield(.agents(Array(agents)))
                case .pings(let agents): continuation.yield(.pings(Array(agents)))
                case .everything: continuation.yield(.everything)
                case .reconnected: continuation.yield(.reconnected)
                case .users: break
                }
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }
}
