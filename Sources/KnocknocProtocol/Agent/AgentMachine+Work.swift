public import KnocknocModel

extension AgentMachine {
    /// At the agent's start, after a disturbance of the kernel's tables, and after a suspend: all of it again.
    public mutating func reconcile(now: AgentStamp) -> [AgentEffect] {
        members = [:]
        for key in entriesByMember.keys { members[key] = wantedDeadline(key, now: now.time) }
        return [.reconcile(ticket: ticket(), definitions(), members)]
    }

    public mutating func defined(_ ticket: Int, _ outcomes: [TargetID: StepOutcome]) -> [AgentEffect] {
        note(outcomes)
        return finish(ticket)
    }

    /// - Parameter outcomes: one for each step, in order.
    public mutating func applied(_ ticket: Int, _ outcomes: [StepOutcome]) -> [AgentEffect] {
        let keys = works.first { $0.ticket == ticket }?.keys ?? []
        var stuck = false
        for (key, outcome) in zip(keys, outcomes) {
            memberFailures[key] = nil
            switch outcome {
            case .applied: break
            case .dryRun: dryRun.insert(key.target)
            case .failed(let reason):
                memberFailures[key] = reason
                stuck = stuck || members[key] == nil
            }
        }
        // An address that could not be taken away is not left at that.
        let again = stuck ? [AgentEffect.reconcile(ticket: self.ticket(), definitions(), members)] : []
        return again + finish(ticket)
    }

    public mutating func reconciled(
        _ ticket: Int, targets outcomes: [TargetID: StepOutcome], failures: [MemberKey: String]
    ) -> [AgentEffect] {
        note(outcomes)
        // What could not be taken away has been, unless its target cannot be looked at.
        let stuck = memberFailures.filter { members[$0.key] == nil && targetFailures[$0.key.target] != nil }
        memberFailures = failures.merging(stuck) { failure, _ in failure }
        return finish(ticket)
    }

    public mutating func persisted(_ ticket: Int) -> [AgentEffect] { finish(ticket) }

    private mutating func note(_ outcomes: [TargetID: StepOutcome]) {
        for (id, outcome) in outcomes {
            targetFailures[id] = nil
            dryRun.remove(id)
            switch outcome {
            case .applied: break
            case .dryRun: dryRun.insert(id)
            case .failed(let reason): targetFailures[id] = reason
            }
            let unguarded = targets[id]?.definition.purpose == .unguard
            if unguarded, targetFailures[id] == nil { forget(id) }
        }
    }

    /// A number for work that must be done before the copy's position may be confirmed.
    mutating func ticket(_ keys: [MemberKey] = []) -> Int {
        lastTicket += 1
        works.append(Work(ticket: lastTicket, keys: keys))
        return lastTicket
    }

    mutating func apply(_ steps: [MemberStep]) -> [AgentEffect] {
        steps.isEmpty ? [] : [.apply(ticket: ticket(steps.map(\.key)), steps)]
    }

    mutating func define() -> [AgentEffect] { [.define(ticket: ticket(), definitions())] }

    /// The copy stands at a position: it is confirmed once all work up to here is done.
    mutating func arrived() -> [AgentEffect] {
        link?.synced = true
        guard works.isEmpty else {
            works[works.count - 1].position = position
            return []
        }
        confirmed = position
        return report()
    }

    private mutating func finish(_ ticket: Int) -> [AgentEffect] {
        guard let index = works.firstIndex(where: { $0.ticket == ticket }) else { return [] }
        works[index].done = true
        while let first = works.first, first.done {
            if let position = first.position { confirmed = position }
            works.removeFirst()
        }
        return report()
    }

    /// Tells the server how far everything is done, where that is news on this link.
    private mutating func report() -> [AgentEffect] {
        guard var link, link.synced, let welcome = link.welcome, let confirmed, let position,
            confirmed.epoch == position.epoch, confirmed.revision <= position.revision
        else { return [] }
        let message = AgentMessage.Applied(
            linkEpoch: welcome.linkEpoch, revision: confirmed.revision, failures: failures(),
            dryRun: dryRun.sorted())
        guard message != link.reported else { return [] }
        link.reported = message
        self.link = link
        return [.send(.applied(message))]
    }

    /// Every target and entry that is not in force as the server wants it.
    private func failures() -> [Failure] {
        if targetFailures.isEmpty, memberFailures.isEmpty, refusals.isEmpty, trials.isEmpty { return [] }
        var list = targetFailures.map { Failure(target: $0.key, entry: nil, reason: $0.value) }
        for id in trials.keys where isReverted(id) {
            list.append(
                Failure(target: id, entry: nil, reason: "nobody confirmed the guard in time; it was taken back"))
        }
        for (key, reason) in memberFailures {
            let gone = removals.values.map(\.removal).filter { $0.target == key.target && $0.address == key.address }
            let concerned = entriesByMember[key] ?? gone.map(\.entry)
            list += concerned.map { Failure(target: key.target, entry: $0, reason: reason) }
        }
        list += refusals.values
        return list.map { failure in
            var failure = failure
            failure.reason = String(decoding: failure.reason.utf8.prefix(500), as: UTF8.self)
            return failure
        }.sorted { ($0.target, $0.entry ?? EntryID(value: 0)) < ($1.target, $1.entry ?? EntryID(value: 0)) }
    }
}
