import KnocknocModel

/// Events that are not told yet, merged into at most one of each kind.
struct PendingEvents: Equatable, Sendable {
    var agents: Set<AgentID> = []
    var users: Set<UserID> = []
    var pings: Set<AgentID> = []
    var everything = false
    var reconnected = false

    var isEmpty: Bool { !everything && !reconnected && agents.isEmpty && users.isEmpty && pings.isEmpty }

    mutating func add(_ event: StoreEvent) {
        switch event {
        case .agents(let ids): agents.formUnion(ids)
        case .users(let ids): users.formUnion(ids)
        case .pings(let ids): pings.formUnion(ids)
        case .everything: everything = true
        case .reconnected:
            everything = true
            reconnected = true
        }
        if agents.count + users.count + pings.count > EventMailbox.limit { everything = true }
        if everything {
            agents = []
            users = []
            pings = []
        }
    }

    /// Takes one event out.
    mutating func take() -> StoreEvent? {
        if reconnected {
            reconnected = false
            return .reconnected
        }
        if everything {
            everything = false
            return .everything
        }
        if !agents.isEmpty {
            defer { agents = [] }
            return .agents(agents)
        }
        if !users.isEmpty {
            defer { users = [] }
            return .users(users)
        }
        if !pings.isEmpty {
            defer { pings = [] }
            return .pings(pings)
        }
        return nil
    }

    var events: [StoreEvent] {
        var copy = self
        var result: [StoreEvent] = []
        while let event = copy.take() { result.append(event) }
        return result
    }
}
