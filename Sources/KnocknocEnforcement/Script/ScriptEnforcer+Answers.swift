import KnocknocModel

extension ScriptEnforcer {
    /// Whether a target's list is still being flushed.
    func isBusy(_ id: TargetID) -> Bool {
        (targets[id] ?? released[id]).flatMap { lanes[$0] }.map(\.flushIsDue) ?? false
    }

    func isPending(_ id: TargetID, _ address: IPAddress) -> Bool {
        guard let lane = targets[id].flatMap({ lanes[$0] }) else { return false }
        return lane.pending.contains(address)
    }

    func outcomes(_ definitions: [TargetDefinition]) -> [TargetID: Outcome] {
        Dictionary(definitions.map { ($0.id, outcome($0.id)) }) { first, _ in first }
    }

    private func outcome(_ id: TargetID) -> Outcome {
        if let reason = refusals[id] { return .failed(reason) }
        // A released list that is flushed is forgotten.
        guard let key = targets[id] ?? released[id], let lane = lanes[key] else { return .applied }
        guard targets[id] != nil || lane.isLeaving else { return .applied }
        if let reason = lane.flushFailure { return .failed(reason) }
        return lane.flushes.isEmpty ? .applied : .failed(stillRunning(lane))
    }

    func outcome(_ change: MemberChange) -> Outcome {
        if case .cut = change { return .applied }
        guard let key = targets[change.target], let lane = lanes[key] else { return unknown(change) }
        let address = change.address
        let isWanted = wanted(on: key)[address] != nil
        let standing = lane.standing[address]
        if isWanted ? standing == .added && lane.flushes.isEmpty : standing == nil { return .applied }
        if let reason = lane.failures[address] ?? lane.flushFailure { return .failed(reason) }
        return .failed(stillRunning(lane))
    }

    /// One on a target that is not in force.
    private func unknown(_ change: MemberChange) -> Outcome {
        if let reason = refusals[change.target] { return .failed(reason) }
        if case .open = change { return .failed("target \(change.target) is not defined on this agent") }
        guard let lane = released[change.target].flatMap({ lanes[$0] }), lane.isLeaving else { return .applied }
        return .failed(lane.flushFailure ?? stillRunning(lane))
    }

    private func stillRunning(_ lane: ScriptLane) -> String {
        "still running: \(lane.running?.description ?? lane.command.description)"
    }

    /// What could not be taken away yet.
    var stuck: [Reconciliation.Stuck] {
        lanes.flatMap { key, lane in
            let wanted = wanted(on: key)
            return lane.owners.flatMap { address, owners -> [Reconciliation.Stuck] in
                guard wanted[address] == nil, lane.standing[address] != nil else { return [] }
                let reason = lane.failures[address] ?? lane.flushFailure ?? stillRunning(lane)
                return owners.map { .init(target: $0, address: address, reason: reason) }
            }
        }
    }
}
