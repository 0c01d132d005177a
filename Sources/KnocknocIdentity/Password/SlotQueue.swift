/// Who gets the next slot: lanes take turns, so that one that floods waits for itself. A pure value.
struct SlotQueue<Ticket: Hashable & Sendable>: Sendable {
    private var lanes: [String: [Ticket]] = [:]
    private var order: [String] = []
    private(set) var waiting = 0
    private(set) var free: Int
    let capacity: Int

    /// - Parameter capacity: how many may wait.
    init(slots: Int, capacity: Int) {
        free = slots
        self.capacity = capacity
    }

    enum Answer: Hashable {
        case go, wait, full
        /// Waits in the place of that one, which gets nothing.
        case waitInsteadOf(Ticket)
    }

    /// Where the queue is full, the newest of the longest lane makes room for a lane that is shorter.
    mutating func ask(_ ticket: Ticket, lane: String) -> Answer {
        if free > 0 {
            free -= 1
            return .go
        }
        var evicted: Ticket?
        if waiting >= capacity {
            guard let longest = order.max(by: { length($0) < length($1) }), length(longest) > length(lane) + 1,
                let newest = lanes[longest]?.popLast()
            else { return .full }
            waiting -= 1
            evicted = newest
        }
        if lanes[lane] == nil { order.append(lane) }
        lanes[lane, default: []].append(ticket)
        waiting += 1
        return evicted.map { .waitInsteadOf($0) } ?? .wait
    }

    private func length(_ lane: String) -> Int { lanes[lane]?.count ?? 0 }

    /// Gives a slot back.
    ///
    /// - Returns: the ticket that takes it over, where one waits.
    mutating func release() -> Ticket? {
        guard let lane = order.first, var tickets = lanes[lane], !tickets.isEmpty else {
            free += 1
            return nil
        }
        order.removeFirst()
        let ticket = tickets.removeFirst()
        if tickets.isEmpty {
            lanes[lane] = nil
        } else {
            lanes[lane] = tickets
            order.append(lane)
        }
        waiting -= 1
        return ticket
    }

    /// - Returns: whether the ticket was still waiting.
    mutating func withdraw(_ ticket: Ticket, lane: String) -> Bool {
        guard var tickets = lanes[lane], let index = tickets.firstIndex(of: ticket) else { return false }
        tickets.remove(at: index)
        waiting -= 1
        if tickets.isEmpty {
            lanes[lane] = nil
            order.removeAll { $0 == lane }
        } else {
            lanes[lane] = tickets
        }
        return true
    }
}
