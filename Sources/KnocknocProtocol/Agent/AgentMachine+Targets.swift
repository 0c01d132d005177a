public import KnocknocModel

extension AgentMachine {
    /// Every target as the kernel is to have it now.
    func definitions() -> [TargetDefinition] {
        targets.values.map { row in
            var definition = inForce(row.definition)
            // The agent's own clock sees to it: to the kernel it is the same object.
            definition.closeAfterSeconds = nil
            return definition
        }.sorted { $0.id < $1.id }
    }

    /// The definition, or what a trial that nobody confirmed left in its place.
    func inForce(_ definition: TargetDefinition) -> TargetDefinition {
        guard let trial = trials[definition.id], trial.reverted else { return definition }
        return before(trial, of: definition)
    }

    private func before(_ trial: HeldTrial, of definition: TargetDefinition) -> TargetDefinition {
        if let previous = trial.previous { return previous }
        var definition = definition
        definition.purpose = .unguard
        return definition
    }

    /// Whether a trial ran out and left nothing that lets anybody in.
    func isReverted(_ id: TargetID) -> Bool {
        trials[id].map { $0.reverted && $0.previous?.purpose != .enforce } ?? false
    }

    /// Takes target rows: members of those that let nobody in go first, then the targets become true.
    mutating func take(
        targets rows: [TargetRow], cuts: Set<MemberKey>, touched: inout [MemberKey], now: BootTime
    ) -> [AgentEffect] {
        var effects: [AgentEffect] = []
        // While it is still known what they let through.
        let gone = Set(rows.filter { $0.definition.purpose != .enforce }.map(\.definition.id))
        effects += apply(
            cuts.filter { gone.contains($0.target) && targets[$0.target]?.definition.purpose == .enforce }
                .sorted { ($0.target, $0.address) < ($1.target, $1.address) }.map { .cut($0) })
        for row in rows {
            effects += begin(trialOf: row.definition, now: now)
            targets[row.definition.id] = taken(row)
            if row.definition.isEndedList {
                keepList(row.definition.id, now: now)
            } else {
                lists[row.definition.id] = nil
            }
        }
        let ids = Set(rows.map(\.definition.id))
        let keys = entriesByMember.keys.filter { ids.contains($0.target) }
        effects += apply(settle(keys.filter { wantedDeadline($0, now: now) == nil }, now: now))
        effects += define()
        touched += keys
        return effects
    }

    /// A target that the server no longer names: nobody is let in any more, a guard stays closed, and a list empty.
    mutating func release(_ id: TargetID, now: BootTime) {
        guard let row = targets[id] else { return forget(id) }
        if case .allowList(let list) = row.definition.backend, list.service != nil {
            targets[id]?.definition.purpose = .released
            lapsed.remove(id)
            return keepList(id, now: now)
        }
        guard case .nftablesGuard = row.definition.backend else { return forget(id) }
        // One that the server wants gone is not kept because it could not go yet.
        let left = row.definition.purpose == .unguard ? row.definition : released(row.definition)
        targets[id]?.definition = left
        trials[id] = nil
    }

    /// What stays of a guard that nobody uses any more: its drop, but nothing that was only tried.
    private func released(_ definition: TargetDefinition) -> TargetDefinition {
        var left = trials[definition.id].map { before($0, of: definition) } ?? definition
        if left.purpose == .enforce { left.purpose = .released }
        return left
    }

    /// The row as it is held; nil where there is nothing to do and nothing to keep.
    private mutating func taken(_ row: TargetRow) -> TargetRow? {
        let definition = row.definition
        guard definition.purpose == .released, case .nftablesGuard = definition.backend else { return row }
        defer { trials[definition.id] = nil }
        // Never confirmed and not held here: whatever the kernel has stays, and no drop comes anew.
        if !definition.confirmed, targets[definition.id] == nil { return nil }
        var row = row
        row.definition = released(definition)
        return row
    }

    mutating func forget(_ id: TargetID) {
        targets[id] = nil
        trials[id] = nil
        targetFailures[id] = nil
        dryRun.remove(id)
        lapsed.remove(id)
        lists[id] = nil
    }

    private mutating func begin(trialOf definition: TargetDefinition, now: BootTime) -> [AgentEffect] {
        guard case .nftablesGuard(let guarded) = definition.backend, definition.purpose == .enforce,
            !definition.confirmed, guarded.trialSeconds > 0
        else {
            // A release still needs to know what the trial replaced.
            if definition.purpose != .released { trials[definition.id] = nil }
            return []
        }
        let old = targets[definition.id]?.definition
        if old?.backend == definition.backend, old?.purpose == .enforce { return [] }
        var previous: TargetDefinition?
        if let trial = trials[definition.id] {
            previous = trial.previous
        } else if let old, case .nftablesGuard = old.backend, old.purpose != .unguard {
            // Only a guard that is in force can be gone back to.
            previous = old
        }
        trials[definition.id] = HeldTrial(
            previous: previous, deadline: now.adding(milliseconds: Int64(min(guarded.trialSeconds, 3600)) * 1000))
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
