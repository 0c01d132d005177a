import KnocknocModel

extension ScriptEnforcer {
    /// The least that has to be left of an access for it to be opened, in milliseconds.
    static let shortest: Int64 = 1000

    func take(_ change: MemberChange) {
        guard let key = targets[change.target] else { return }
        switch change {
        // A script cuts no flows; the packet filter's enforcer does where the target names them.
        case .cut: break
        case .open(let member) where member.deadline.milliseconds(since: clock()) >= Self.shortest:
            want(member, on: key)
        case .open, .close: forget(change.target, change.address, on: key)
        }
    }

    /// Makes these the members of all targets.
    func take(_ wanted: [Member]) {
        let now = clock()
        var left = members
        for member in wanted {
            guard let key = targets[member.target], member.deadline.milliseconds(since: now) >= Self.shortest else {
                continue
            }
            left[member.target]?[member.address] = nil
            want(member, on: key)
        }
        for (id, addresses) in left {
            guard let key = targets[id] else { continue }
            for address in addresses.keys { forget(id, address, on: key) }
        }
    }

    private func want(_ member: Member, on key: ScriptLane.Key) {
        members[member.target, default: [:]][member.address] = member.deadline
        lanes[key]?.owners[member.address, default: []].insert(member.target)
        // What has failed is tried again by itself.
        guard lanes[key]?.standing[member.address] != .added, lanes[key]?.failures[member.address] == nil else {
            return
        }
        lanes[key]?.pending.insert(member.address)
    }

    private func forget(_ id: TargetID, _ address: IPAddress, on key: ScriptLane.Key) {
        members[id]?[address] = nil
        guard let lane = lanes[key] else { return }
        // Nobody knows what an earlier run has left before the list was flushed.
        if !lane.flushes.isEmpty, lane.standing[address] == nil { lanes[key]?.standing[address] = .uncertain }
        lanes[key]?.owners[address, default: []].insert(id)
        lanes[key]?.pending.insert(address)
    }

    /// Ends what is due.
    private func expire() {
        expiry = nil
        let now = clock()
        for (id, addresses) in members {
            guard let key = targets[id] else { continue }
            for (address, deadline) in addresses where deadline <= now { forget(id, address, on: key) }
        }
        scheduleExpiry()
        work()
    }

    func scheduleExpiry() {
        guard let next = members.values.compactMap({ $0.values.min() }).min() else { return }
        if let expiry, expiry.at <= next { return }
        expiry?.task.cancel()
        let left = max(0, next.milliseconds(since: clock()))
        let task = Task { [weak self] in
            guard (try? await Task.sleep(for: .milliseconds(left), clock: .continuous)) != nil else { return }
            await self?.expire()
        }
        expiry = (next, task)
    }
}
