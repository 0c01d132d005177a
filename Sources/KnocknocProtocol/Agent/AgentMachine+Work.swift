public import KnocknocModel

extension AgentMachine {
    /// At the agent's start, after a disturbance of the kernel's tables, and after a suspend: all of it again.
    public mutating func reconcile(now: AgentStamp) -> [AgentEffect] { reconciliation(now: now.time) }

    mutating func reconciliation(now: BootTime) -> [AgentEffect] {
        members = [:]
        for key in entriesByMember.keys { members[key] = wantedDeadline(key, now: now) }
        let effects = [AgentEffect.reconcile(ticket: ticket(), definitions(), members)]
        let steps = owed.sorted { ($0.target, $0.address) < ($1.target, $1.address) }.flatMap { key in
            let isMember = members[key] != nil
            return (isMember || owedCuts.contains(key) ? [MemberStep.cut(key)] : []) + (isMember ? [] : [.close(key)])
        }
        (owed, owedCuts) = ([], [])
        return effects + apply(steps)
    }

    public mutating func defined(_ ticket: Int, _ outcomes: [TargetID: StepOutcome]) -> [AgentEffect] {
        note(outcomes)
        return finish(ticket)
    }

    /// - Parameter outcomes: one for each step, in order.
    public mutating func applied(_ ticket: Int, _ outcomes: [StepOutcome]) -> [AgentEffect] {
        let steps = works.first { $0.ticket == ticket }?.steps ?? []
        var stuck = false
        for step in steps {
            memberFailures[step.key] = nil
            failedCuts.remove(step.key)
        }
        for (step, outcome) in zip(steps, outcomes) {
            switch outcome {
            case .applied: break
            case .dryRun: dryRun.insert(step.key.target)
            case .failed(let reason):
                memberFailures[step.key] = reason
                if case .cut(let key) = step { failedCuts.insert(key) }
                if case .open = step, members[step.key] != nil, !shortening.contains(step.key) { break }
                stuck = true
            }
        }
        for step in steps {
            // Of a member that has been moved again only the last move counts.
            if case .open(let key, let deadline) = step, let asked = members[key], asked != deadline { continue }
            shortening.remove(step.key)
        }
        // An address, a flow or a time that could not be taken away is not left at that.
        let again: [AgentEffect] =
            stuck ? [.persist(ticket: nil), .reconcile(ticket: self.ticket(), definitions(), members)] : []
        // The failure is told before the repair is begun, whose own report must come last.
        return finish(ticket) + again
    }

    /// - Parameters:
    ///   - failures: members that could not be made true.
    ///   - stuck: what could still not be taken away, flows included.
    public mutating func reconciled(
        _ ticket: Int, targets outcomes: [TargetID: StepOutcome], failures: [MemberKey: String],
        stuck: [MemberKey: String] = [:]
    ) -> [AgentEffect] {
        note(outcomes)
        // What could not be taken away and is not named has been, unless its target cannot be looked at.
        let unseen = memberFailures.filter { members[$0.key] == nil && targetFailures[$0.key.target] != nil }
        memberFailures = stuck.merging(failures) { stuck, _ in stuck }.merging(unseen) { now, _ in now }
        failedCuts = failedCuts.filter { memberFailures[$0] != nil }
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
    mutating func ticket(_ steps: [MemberStep] = []) -> Int {
        lastTicket += 1
        works.append(Work(ticket: lastTicket, steps: steps))
        return lastTicket
    }

    mutating func apply(_ steps: [MemberStep]) -> [AgentEffect] {
        steps.isEmpty ? [] : [.apply(ticket: ticket(steps), steps)]
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
}
