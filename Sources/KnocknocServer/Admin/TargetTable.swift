import KnocknocAccess
import KnocknocModel
import KnocknocProtocol

/// Kernel objects and what agents say of them.
enum TargetTable {
    /// - Parameter agent: set on that agent's own page, where guards may be taken away.
    static func table(_ targets: [TargetStatus], on agent: AgentID? = nil) -> Table {
        let rows = targets.map { target in
            var cells: [Table.Cell] = [
                agent == nil
                    ? .link(target.agentName, to: "/admin/agents/\(target.agentID)")
                    : .text(BackendText.summary(target.backend))
            ]
            if agent == nil { cells.append(.text(BackendText.summary(target.backend))) }
            cells.append(.pill(pill(target), detail: target.reason))
            if agent != nil {
                let free = target.purpose == .released && target.backend.isGuard
                let path = "/admin/agents/\(target.agentID)/targets/\(target.id)/unguard"
                cells.append(free ? .link("Take the guard away…", to: path) : .text(use(target)))
            }
            return Table.Row(cells: cells)
        }
        return Table(
            "Where it is enforced", columns: agent == nil ? ["Agent", "What", "State"] : ["What", "State", "Use"],
            rows: rows,
            empty: Table.Empty(
                icon: "agent", title: "Nothing is enforced",
                text: agent == nil
                    ? "Choose a backend for at least one agent below; until then this Knoc cannot open."
                    : "No Knoc uses this agent yet."))
    }

    private static func use(_ target: TargetStatus) -> String {
        switch target.purpose {
        case .enforce: "In use"
        case .released: "No longer used"
        case .unguard: "Being taken away"
        }
    }

    static func pill(_ target: TargetStatus) -> Pill {
        switch target.outcome {
        case .pending: return .wait("Waiting for the agent")
        case .failed: return .bad("Failed")
        case .dryRun: return .note("Dry run")
        case .applied:
            if target.trial?.state == .reverted { return .bad("Trial ended, open again") }
            if !target.confirmed { return Pill(kind: "wait", icon: "clock", text: "On trial") }
            return .ok("In force")
        }
    }

    /// Guards on trial, each with its button.
    static func calls(_ targets: [TargetStatus], returning path: String) -> [FormPage.Call] {
        targets.filter { !$0.confirmed && $0.backend.isGuard && $0.purpose == .enforce }.map { target in
            FormPage.Call(
                title: "\(BackendText.summary(target.backend)) on \(target.agentName): on trial", text: words(target),
                path: "/admin/targets/\(target.id)/confirm", label: "Keep the guard",
                hidden: [FormPage.Call.Hidden(name: "return", value: path)])
        }
    }

    private static func words(_ target: TargetStatus) -> String {
        guard let trial = target.trial else {
            return "It has not taken effect yet. Once it has, confirm it; unconfirmed, it reverts by itself."
        }
        if trial.state == .reverted {
            return "Nobody confirmed it in time, so the port is as it was before. Save the Knoc again for a new trial."
        }
        let cut =
            trial.flows == 0
            ? "No established connection is refused by it."
            : "It refuses \(Consequence.count(Int64(trial.flows), "established connection", "established connections"))"
                + " from \(trial.sources.prefix(5).map(\.description).joined(separator: ", "))."
        return
            "In force for a trial. \(cut) If you still reach everything you need, keep it; else it reverts by itself."
    }
}
