import KnocknocModel
import KnocknocMoments
import KnocknocProtocol
import Logging

/// Carries out a link's effects.
struct LinkDriver {
    let session: LinkSession
    let link: Link
    /// The read or replay under way; the machine wants one at a time.
    private var work: Task<Void, Never>?
    /// Of an agent that has not been told yet how everything stands.
    private let turn: Turnstile.Turn

    init(session: LinkSession, link: Link, turn: Turnstile.Turn) {
        self.session = session
        self.link = link
        self.turn = turn
    }

    func stop() {
        work?.cancel()
        turn.leave()
    }

    /// - Returns: false where the link has ended.
    mutating func perform(_ effects: [LinkEffect]) async throws -> Bool {
        let hub = session.hub
        let agent = session.agent
        for effect in effects {
            switch effect {
            case .send(let message):
                let changes = if case .changes = message { true } else { false }
                if changes { Moment.reach(.beforeFrame) }
                try await session.writer.send(message)
                #if DEBUG
                    if changes {
                        try await session.untilOut()
                        Moment.reach(.afterFrame)
                    }
                #endif
            case .fetch(let after): fetch(after)
            case .replayRemovals(let removals): replay(removals)
            case .record(let applied): hub.recorder.put(applied, agent: agent)
            case .trial(let trial):
                do { try await hub.directory.trial(agent: agent, linkEpoch: link.epoch, trial: trial) } catch {
                    session.logger.warning("A guard's trial could not be noted.", metadata: ["error": "\(error)"])
                }
            case .fetched(let fetched): hub.fetches.put(fetched, agent: agent)
            case .ponged(let pong): hub.pings.finish(pong.id, pong)
            case .close(let bye):
                try await session.end(bye)
                return false
            }
        }
        return true
    }

    private mutating func fetch(_ after: Position?) {
        work = Task { [session, link, turn] in
            defer { turn.leave() }
            do {
                link.put(.fetched(try await session.hub.directory.stream(agent: session.agent, after: after)))
            } catch {
                link.put(.failed("\(error)"))
                // An agent that was deleted has no stream; the comparison tells.
                await session.hub.compare([link])
            }
        }
    }

    private mutating func replay(_ removals: [Removal]) {
        session.logger.warning(
            "The database was rewound: rights that had ended are ended again.", metadata: ["count": "\(removals.count)"]
        )
        work = Task { [session, link] in
            do {
                try await session.hub.directory.replay(agent: session.agent, removals: removals)
                link.put(.replayed)
            } catch {
                // Nothing may open before this is done: the agent dials again with its removals.
                link.put(.close(.resync, "removals could not be replayed"))
            }
        }
    }
}
