import KnocknocEnforcement
import KnocknocMoments
import KnocknocProtocol
import Logging

/// Steps that the kernel is busy with.
struct Applying {
    var ticket: Int
    var steps: [MemberStep]
    var task: Task<Void, Never>?
    /// What became of each step; nil while the kernel is busy.
    var outcomes: [KnocknocEnforcement.Outcome]?
}

extension AgentLoop {
    /// Gives steps to the kernel and goes on; the result comes back through the mailbox.
    func apply(_ ticket: Int, _ steps: [MemberStep]) async {
        let keys = Set(steps.map(\.key))
        // What is about one member happens, and is told, in order.
        if applying.contains(where: { $0.steps.contains { keys.contains($0.key) } }) { await settle() }
        applying.append(Applying(ticket: ticket, steps: steps))
        // Begun at once, so that the enforcer is asked in order.
        let task = Task.immediate {
            Moment.reach(.beforeKernel)
            let outcomes = await enforcer.apply(steps.map(\.change))
            Moment.reach(.afterKernel)
            if let index = applying.firstIndex(where: { $0.ticket == ticket }) { applying[index].outcomes = outcomes }
            mailbox.post(.applied)
        }
        if let index = applying.firstIndex(where: { $0.ticket == ticket }) { applying[index].task = task }
    }

    /// Takes the results that are there, in the order of the steps.
    func takeApplied() async {
        while let first = applying.first, let outcomes = first.outcomes {
            applying.removeFirst()
            for (step, outcome) in zip(first.steps, outcomes) {
                if case .failed(let reason) = outcome {
                    logger.error("\(step.key.address) on target \(step.key.target): \(reason)")
                }
            }
            await perform(machine.applied(first.ticket, outcomes.map(\.step)))
        }
    }

    /// Waits until the kernel is done with every step, and takes the results.
    func settle() async {
        while let first = applying.first {
            await first.task?.value
            await takeApplied()
        }
    }
}
