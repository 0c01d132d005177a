import KnocknocModel

extension AgentMachine {
    /// A link stands; the server speaks first.
    public mutating func linkUp() -> [AgentEffect] {
        link = Link()
        snapshot = nil
        return []
    }

    /// The link is gone; everything goes on without it.
    public mutating func linkDown() -> [AgentEffect] {
        link = nil
        snapshot = nil
        return []
    }

    /// The heartbeat interval has passed.
    public mutating func heartbeat(now: AgentStamp) -> [AgentEffect] {
        guard link?.welcome != nil else { return [] }
        guard (link?.unanswered ?? 0) < 2 else { return close(.silent) }
        stamp(now)
        return [.send(.heartbeat(now))]
    }

    public mutating func received(_ message: ServerMessage, now: AgentStamp) -> [AgentEffect] {
        guard link != nil else { return [] }
        switch message {
        case .challenge(let challenge): return greet(challenge, now: now)
        case .welcome(let welcome):
            link?.welcome = welcome
            link?.unanswered = 0
            if let greeted = link?.stamps.last { hear(greeted.time) }
            return []
        case .heartbeat(let reply):
            link?.unanswered = 0
            return take(reply, now: now.time)
        case .ping(let ping):
            guard let lines = ping.logLines else { return [.send(.pong(.init(id: ping.id)))] }
            return [.answer(ping: ping.id, logLines: min(max(0, lines), Self.logLimit))]
        case .nodes(let nodes):
            let known = nodes.endpoints.prefix(Self.endpointLimit).filter { $0.utf8.count <= 255 }
            guard known != endpoints else { return [] }
            endpoints = known
            return [.persist(ticket: nil)]
        case .bye(let bye):
            let closes = bye.code == .revoked ? forgetEverything(now: now.time) : []
            return closes + close(.bye(bye))
        case .changes, .snapshotBegin, .snapshotChunk, .snapshotEnd:
            guard link?.welcome != nil else { return close(.resync("rows came before the welcome")) }
            return received(rows: message, now: now)
        }
    }

    private mutating func greet(_ challenge: ServerMessage.Challenge, now: AgentStamp) -> [AgentEffect] {
        let ours = Codec.protocols
        guard Codec.agreed(with: (challenge.protocolMin, challenge.protocolMax)) != nil else {
            let theirs = "\(challenge.protocolMin) to \(challenge.protocolMax)"
            return close(
                .unsupported(
                    "the server speaks protocol \(theirs), this agent \(ours.lowerBound) to \(ours.upperBound)"))
        }
        if let agent, agent != challenge.agent {
            // Another agent's state: what is held stays until the snapshot's end, but counts for nothing.
            position = nil
            removals = [:]
        }
        agent = challenge.agent
        stamp(now)
        let newest = removals.values.map(\.removal).sorted { $0.revision > $1.revision }
        return [
            .greet(
                .init(
                    agent: challenge.agent, nonce: challenge.nonce, stamp: now, position: position, removals: newest))
        ]
    }

    private mutating func stamp(_ now: AgentStamp) {
        guard var link else { return }
        link.stamps = link.stamps.suffix(1) + [now]
        link.unanswered += 1
        self.link = link
    }

    mutating func close(_ reason: AgentEffect.CloseReason) -> [AgentEffect] {
        link = nil
        snapshot = nil
        return [.closeLink(reason)]
    }

    /// The agent was deleted or disabled: members go, guards stay.
    private mutating func forgetEverything(now: BootTime) -> [AgentEffect] {
        let keys = Array(entriesByMember.keys)
        entries = [:]
        entriesByMember = [:]
        refusals = [:]
        lapsed = []
        position = nil
        confirmed = nil
        for index in works.indices { works[index].position = nil }
        nextExpiry = nil
        for id in targets.keys { release(id, now: now) }
        let steps = settle(keys, now: now)
        return apply(steps) + define() + [.persist(ticket: ticket())]
    }

    /// Whether `since` is one of this boot's last two stamps; older ones may not open anything.
    func isFresh(_ since: AgentStamp) -> Bool {
        guard let link, since.boot == boot, let oldest = link.stamps.first, let newest = link.stamps.last else {
            return false
        }
        return since.time >= oldest.time && since.time <= newest.time
    }
}
