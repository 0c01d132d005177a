public import KnocknocModel

/// The server's end of one agent's link: a value without clock or socket.
///
/// It keeps one read of the stream under way at most, answers wakes that come meanwhile with one more, and counts what
/// is left of every entry from the agent's own last stamp and the database's time when that stamp arrived, so that
/// delay only shortens.
public struct LinkMachine: Sendable {
    public let linkEpoch: Int64
    private var stamp: AgentStamp
    /// The database's time, estimated on its late side, when `stamp` arrived.
    private var stampedAt: Timestamp
    /// Where the agent stands once everything sent has reached it; nil for nowhere.
    public private(set) var position: Position?
    private var removals: [Removal]
    private var stage = Stage.first
    private var fetching = false
    /// Something may be newer than what the fetch under way reads.
    private var stale = false
    private var sending: Outbound?
    private var diverged = false
    private var reported: AgentMessage.Applied?
    /// What was reported is to be recorded once more, if the store still has the history that it is about.
    private var repeats = false
    private var isClosed = false

    private enum Stage: Hashable, Sendable {
        /// Nothing has been sent yet.
        case first
        /// The removals in the hello are being replayed; then everything is read again.
        case replaying
        /// The agent follows.
        case following
    }

    /// The rest of a snapshot; it is cut into chunks as they go out, each with the newest stamp.
    private struct Outbound: Sendable {
        var position: Position
        var targets: ArraySlice<TargetRow>
        var entries: ArraySlice<StreamEntry>
    }

    /// - Parameters:
    ///   - hello: what the agent said, its keys and signature already checked.
    ///   - linkEpoch: the number of this link from the store.
    ///   - at: the database's time, estimated on its late side, when the hello arrived.
    public init(hello: AgentMessage.Hello, linkEpoch: Int64, at: Timestamp) {
        self.linkEpoch = linkEpoch
        stamp = hello.stamp
        stampedAt = at
        position = hello.position
        removals = hello.removals
    }

    /// Welcomes the agent and reads what it lacks.
    public mutating func start(welcome: ServerMessage.Welcome) -> [LinkEffect] {
        [.send(.welcome(welcome))] + fetch()
    }

    /// - Parameters:
    ///   - at: the database's time, estimated on its late side, when the heartbeat arrived.
    ///   - databaseAge: milliseconds since this node last heard from its database.
    public mutating func heartbeat(_ stamp: AgentStamp, at: Timestamp, databaseAge: Int64) -> [LinkEffect] {
        guard !isClosed else { return [] }
        self.stamp = stamp
        stampedAt = at
        let revision = position?.revision ?? 0
        return [.send(.heartbeat(.init(stamp: stamp, databaseAge: databaseAge, revision: revision)))]
    }

    /// Something of this agent may have changed: read it.
    public mutating func wake() -> [LinkEffect] { isClosed ? [] : fetch() }

    /// What one commit changed, read inside it. It is sent where it begins exactly where the agent stands; where
    /// anything else has happened meanwhile, this is a wake like any other.
    public mutating func stepped(_ step: StreamStep) -> [LinkEffect] {
        guard !isClosed, step.rows.position != position else { return [] }
        guard stage == .following, !fetching, sending == nil, step.after == position, Chunks.fitsChanges(step.rows)
        else { return fetch() }
        return send(step.rows, after: step.after)
    }

    /// Compares what the store says with what this link believes: hints may be lost, records rewound, and a link that
    /// was thought dead may have come in after this one.
    public mutating func compare(_ standing: LinkStanding) -> [LinkEffect] {
        guard !isClosed else { return [] }
        if standing.linkEpoch > linkEpoch { return close(.replaced, "a newer link of this agent has attached") }
        guard standing.position == position, !stale else { return fetch() }
        // The store lost a report that it had: reports are committed without waiting, and a failover takes the last.
        // Only where both stand at one change are the report's revisions the store's.
        guard let reported, let waits = standing.unreported, waits <= reported.revision else { return [] }
        return [.record(reported)]
    }

    public mutating func fetched(_ answer: StreamAnswer) -> [LinkEffect] {
        fetching = false
        guard !isClosed else { return [] }
        switch answer {
        case .delta(let rows, let after):
            // The store still knows the change that the agent stands at: what was reported up to it is true there.
            let again = repeats && !stale && after == position ? reported.map { [LinkEffect.record($0)] } ?? [] : []
            if !stale { repeats = false }
            return again + send(rows, after: after)
        case .snapshot(let rows, let diverged):
            if stage == .following {
                return close(.resync, "the records moved under this link")
            }
            self.diverged = self.diverged || diverged
            if stage == .first, !removals.isEmpty {
                stage = .replaying
                return [.replayRemovals(removals)]
            }
            return begin(rows)
        }
    }

    /// The read did not succeed; the next wake tries again.
    public mutating func fetchFailed() {
        fetching = false
        stale = true
    }

    /// The rights behind the removals have been ended, in the store.
    public mutating func replayed() -> [LinkEffect] {
        guard !isClosed else { return [] }
        removals = []
        position = nil
        return fetch()
    }

    /// The node's connection to its database was made anew, perhaps to another one: what was last recorded may be
    /// lost, and hints too.
    public mutating func reconnected() -> [LinkEffect] {
        guard !isClosed else { return [] }
        repeats = true
        return fetch()
    }

    /// Whether a snapshot goes on once ``written()`` is said.
    public var isSending: Bool { sending != nil }

    /// Everything sent so far is out.
    public mutating func written() -> [LinkEffect] {
        guard !isClosed, sending != nil else { return [] }
        return next()
    }

    public mutating func received(_ message: AgentMessage) -> [LinkEffect] {
        guard !isClosed else { return [] }
        switch message {
        case .applied(let applied):
            guard applied.linkEpoch == linkEpoch else { return [] }
            guard let position, applied.revision <= position.revision else {
                return close(.protocolError, "applied names a revision that was not sent")
            }
            if let reported, reported.revision > applied.revision { return [] }
            reported = applied
            return [.record(applied)]
        case .trial(let trial): return [.trial(trial)]
        case .pong(let pong): return [.ponged(pong)]
        case .fetched(let fetched): return [.fetched(fetched)]
        case .hello: return close(.protocolError, "a second hello")
        case .heartbeat: return []
        }
    }

    /// The link ends from this side.
    public mutating func close(_ code: ServerMessage.Bye.Code, _ text: String) -> [LinkEffect] {
        guard !isClosed else { return [] }
        isClosed = true
        return [.close(.init(code: code, text: text))]
    }

    private mutating func fetch() -> [LinkEffect] {
        guard !fetching, sending == nil, stage != .replaying || removals.isEmpty else {
            stale = true
            return []
        }
        fetching = true
        stale = false
        return [.fetch(after: position)]
    }

    private mutating func send(_ rows: StreamRows, after: Position) -> [LinkEffect] {
        guard after == position else { return close(.resync, "the records moved under this link") }
        let isNews = stage != .following || rows.position != position
        let message = ServerMessage.changes(
            .init(after: after, position: rows.position, rows: wire(rows.targets[...], rows.entries[...])))
        guard Chunks.fitsChanges(rows) else {
            // Too much for one message, and a delta cannot be divided: everything, in chunks.
            guard stage != .following else { return close(.resync, "more has changed than one message can hold") }
            position = nil
            return fetch()
        }
        stage = .following
        position = rows.position
        return (isNews ? [.send(message)] : []) + (stale ? fetch() : [])
    }

    private mutating func begin(_ rows: StreamRows) -> [LinkEffect] {
        stage = .following
        sending = Outbound(position: rows.position, targets: rows.targets[...], entries: rows.entries[...])
        return [.send(.snapshotBegin(.init(position: rows.position, diverged: diverged)))] + next()
    }

    private mutating func next() -> [LinkEffect] {
        guard var rest = sending else { return [] }
        guard !rest.targets.isEmpty || !rest.entries.isEmpty else {
            sending = nil
            position = rest.position
            return [.send(.snapshotEnd(.init(position: rest.position)))] + (stale ? fetch() : [])
        }
        let (targets, entries) = Chunks.next(&rest.targets, &rest.entries)
        sending = rest
        return [.send(.snapshotChunk(wire(targets, entries)))]
    }

    private func wire(_ targets: ArraySlice<TargetRow>, _ entries: ArraySlice<StreamEntry>) -> ServerMessage.Rows {
        ServerMessage.Rows(
            since: stamp, targets: Array(targets),
            entries: entries.map { entry in
                EntryRow(
                    id: entry.id, target: entry.target, address: entry.address, revision: entry.revision,
                    ttl: entry.expiresAt.map { max(0, $0.milliseconds(since: stampedAt)) }, cut: entry.cut)
            })
    }
}
