public import KnocknocModel
public import KnocknocProtocol

/// What the hub needs of the store: the truth about agents, as one set of use cases.
public protocol LinkDirectory: Sendable {
    /// Takes an agent in whose hello is signed by the key that it names: pins its keys at first contact, compares them
    /// later, and gives this link a higher epoch than any before, which voids what older links still write. The epoch is
    /// the greater of the last one plus 1 and the database's microseconds, so that a rewound store uses none again.
    /// Another instance than the one whose link stands is refused where that one answers.
    func attach(
        agent: AgentID, hello: AgentMessage.Hello, node: String, from address: IPAddress?
    ) async throws -> AttachResult

    /// What an agent at `after` lacks; a delta only where the store's history has that position.
    func stream(agent: AgentID, after: Position?) async throws -> StreamAnswer

    /// Notes what agents have done, where the row is older and the store knows no newer link epoch (an older one it may
    /// know, after a failover that lost the attachment).
    func record(agent: AgentID, linkEpoch: Int64, applied: [AgentMessage.Applied]) async throws

    func trial(agent: AgentID, linkEpoch: Int64, trial: AgentMessage.Trial) async throws

    /// Notes who fetched lists from an agent.
    func fetched(agent: AgentID, _ report: AgentMessage.Fetched) async throws

    /// Ends the rights behind entries of this agent that a rewound store wants again; see ``Removal`` for which.
    func replay(agent: AgentID, removals: [Removal]) async throws

    /// How each agent stands, in one select; those that are gone or disabled are missing.
    func standings(of agents: [AgentID]) async throws -> [AgentID: LinkStanding]

    /// These agents were heard of over their links to this node, which have these epochs: a link that has ended meanwhile
    /// stays ended.
    func presence(_ links: [AgentID: Int64], node: String) async throws

    /// This agent's link of that epoch is gone.
    func detach(agent: AgentID, linkEpoch: Int64) async throws

    /// Pings that somebody, perhaps on another node, waits for.
    func pings() async throws -> [PingRequest]

    /// The agent has answered over a link of this node.
    func answer(_ ping: PingID, _ answer: PingAnswer, node: String) async throws

    /// URLs of the web nodes that live, as this node last read them.
    func endpoints() -> [String]

    /// The database's time, on its late side.
    func estimatedNow() -> Timestamp

    /// How long ago the database last answered this node.
    func databaseAge() -> Duration

    /// Calls `handler` right after each commit of this node that moved one agent's stream by a known step, instead of a
    /// hint in ``changes()``. The handler must not wait.
    func onStep(_ handler: @escaping @Sendable (AgentID, StreamStep) -> Void)

    /// Hints, of this node's own commits and of others'; one stream for each call.
    func changes() -> AsyncStream<LinkChange>
}

public enum AttachResult: Hashable, Sendable {
    /// - linkEpoch: this link's number.
    case accepted(linkEpoch: Int64)
    /// The hello names a key that is not the pinned one.
    case keyChanged(fingerprint: String)
    /// Another instance with the same identity lives.
    case duplicate
    /// Deleted or disabled.
    case revoked
}

/// A hint that something has changed; the truth is the position in the store.
public enum LinkChange: Hashable, Sendable {
    case agents([AgentID])
    /// Somebody asks whether these agents answer.
    case pings([AgentID])
    case everything
    /// The database was reached anew, perhaps another one: what was written last may be lost.
    case reconnected
}
