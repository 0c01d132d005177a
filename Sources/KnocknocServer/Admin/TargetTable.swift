import KnocknocAccess
import KnocknocModel
import KnocknocProtocol

/// Kernel objects and what agents say of them.
enum TargetTable {
    /// The targets of a Knoc, on its page.
    static func table(_ targets: [TargetStatus], _ standing: [TargetID: TargetStanding]) -> Table {
        let rows = targets.map { target in
            let known = standing[target.id]
            return Table.Row(cells: [
                target.agentID == .server
                    ? .text("This server")
                    : .link(
                        target.agentName, to: "/admin/agents/\(target.agentID)",
                        detail: known?.isLinked == false ? "not connected" : nil),
                what(target),
                .pill(
                    pill(target), detail: target.reason ?? (target.isPlaced ? nil : "another agent of its zone lets in")
                ),
                .text(
                    known.map { "\($0.entriesApplied) of \($0.entriesWanted)" },
                    detail: known.flatMap { closing($0.entriesClosing) }),
            ])
        }
        return table(
            ["Agent", "What", "State", "Addresses let in"], rows,
            none: "Choose a backend for at least one agent below; until then this Knoc cannot open.")
    }

    private static func closing(_ entries: Int64) -> String? {
        entries == 0 ? nil : "\(entries) may still be open: the agent has not confirmed their end"
    }

    /// The targets of an agent, on its page, where guards may be taken away.
    static func table(_ targets: [TargetStatus], on agent: AgentID, for knocs: [TargetID: [KnocName]]) -> Table {
        let rows = targets.map { target in
            let free = target.purpose == .released && target.backend.isGuard
            let path = "/admin/agents/\(agent)/targets/\(target.id)/unguard"
            return Table.Row(cells: [
                names(knocs[target.id] ?? []), what(target), state(target),
                free ? .link("Take the guard away…", to: path) : .text(use(target)),
            ])
        }
        return table(["Knoc", "What", "State", "Use"], rows, none: "No Knoc uses this agent yet.")
    }

    private static func table(_ columns: [String], _ rows: [Table.Row], none: String) -> Table {
        Table(
            "Where it is enforced", columns: columns, rows: rows,
            empty: Table.Empty(icon: "agent", title: "Nothing is enforced", text: none))
    }

    /// One leads to its page; where several share a target, their names are told.
    private static func names(_ knocs: [KnocName]) -> Table.Cell {
        switch knocs.count {
        case 0: .text(nil)
        case 1: .link(knocs[0].name, to: "/admin/knocs/\(knocs[0].id)")
        default: .text(knocs.map(\.name).joined(separator: ", "))
        }
    }

    private static func what(_ target: TargetStatus) -> Table.Cell { .text(BackendText.summary(target.backend)) }
    private static func state(_ target: TargetStatus) -> Table.Cell { .pill(pill(target), detail: target.reason) }

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
