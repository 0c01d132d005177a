public import KnocknocModel

extension AgentMachine {
    /// Every target as the kernel is to have it now.
    func definitions() -> [TargetDefinition] {
        targets.values.map { row in
            guard let trial = trials[row.definition.id], trial.reverted else { return row.definition }
            if let previous = trial.previous { return previous }
            var definition = row.definition
            definition.purpose = .unguard
            return definition
        }.sorted { $0.id < $1.id }
    }

    func isReverted(_ id: TargetID) -> Bool {
        trials[id].map { $0.reverted && $0.previous == nil } ?? false
    }

    /// Takes target rows: members of those that let nobody in go first, then the targets become true.
    mutating func take(targets rows: [TargetRow], touched: inout [MemberKey], now: BootTime) -> [AgentEffect] {
        var effects: [AgentEffect] = []
        for row in rows {
            effects += begin(trialOf: row.definition, now: now)
            targets[row.definition.id] = row
        }
        let ids = Set(rows.map(\.definition.id))
        let keys = entriesByMember.keys.filter { ids.contains($0.target) }
        effects += apply(settle(keys.filter { wantedDeadline($0, now: now) == nil }, now: now))
        effects += define()
        touched += keys
        return effects
    }

    /// A target that the server no longer names: nobody is let in any more, and a guard stays closed.
    mutating func release(_ id: TargetID) {
        guard case .nftablesGuard? = targets[id]?.definition.backend else { return forget(id) }
        targets[id]?.definition.purpose = .released
        trials[id] = nil
    }

    mutating func forget(_ id: TargetID) {
        targets[id] = nil
        trials[id] = nil
        targetFailures[id] = nil
        dryRun.remove(id)
    }

    private mutating func begin(trialOf definition: TargetDefinition, now: BootTime) -> [AgentEffect] {
        guard case .nftablesGuard(let guarded) = definition.backend, definition.purpose == .enforce,
            !definition.confirmed, guarded.trialSeconds > 0
        else {
            trials[definition.id] = nil
            return []
        }
        let old = targets[definition.id]?.definition
        if old?.backend == definition.backend, old?.purpose == .enforce { return [] }
        var previous = old
        if let trial = trials[definition.id] { previous = trial.previous }
        trials[definition.id] = HeldTrial(
            previous: previous, deadline: now.adding(milliseconds: Int64(guarded.trialSeconds) * 1000))
        return [.census(definition.id, guarded)]
    }

    /// The census that a trial asked for.
    public mutating func counted(
        _ target: TargetID, flows: Int, sources: [IPAddress], now: AgentStamp
    ) -> [AgentEffect] {
        guard let trial = trials[target], !trial.reverted, link?.welcome != nil else { return [] }
        let left = max(0, trial.deadline.milliseconds(since: now.time) / 1000)
        return [
            .send(
                .trial(.init(target: target, state: .started, flows: flows, sources: sources, secondsLeft: Int(left))))
        ]
    }

    mutating func revertTrials(now: AgentStamp) -> [AgentEffect] {
        let due = trials.filter { !$0.value.reverted && $0.value.deadline <= now.time }.keys.sorted()
        guard !due.isEmpty else { return [] }
        for id in due { trials[id]?.reverted = true }
        let keys = entriesByMember.keys.filter { due.contains($0.target) }
        var effects = apply(settle(Array(keys), now: now.time)) + define() + [.persist(ticket: nil)]
        if link?.welcome != nil {
            effects += due.map {
                .send(.trial(.init(target: $0, state: .reverted, flows: 0, sources: [], secondsLeft: 0)))
            }
        }
        return effects
    }
}
