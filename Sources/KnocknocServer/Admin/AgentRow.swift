import KnocknocAccess
import KnocknocModel

/// An agent in the list of agents.
enum AgentRow {
    static let columns = [
        "Agent", "State", "Zone", "Machine", "Version", "Backends", "Entries", "Via", "Linked since", "Last seen",
    ]

    static func row(_ agent: AgentRecord, _ targets: [TargetStatus]) -> Table.Row {
        let path = "/admin/agents/\(agent.id)"
        return Table.Row(
            cells: [
                .link(
                    agent.name, to: path, detail: agent.embedded ? "embedded" : agent.declaredBy.map { _ in "config" }),
                .pill(AgentFacts.pill(agent), detail: trouble(agent)),
                .text(agent.zoneInForce),
                .text(agent.machine, detail: agent.system),
                .text(agent.software),
                backends(targets),
                .text("\(agent.entriesApplied) of \(agent.entriesWanted)"),
                .text(agent.isLinked ? agent.node : nil),
                .time(agent.isLinked ? agent.connectedAt.map(TimeText.init) : nil),
                .time(agent.lastSeenAt.map(TimeText.init)),
            ],
            action: Table.Action(
                path: path + "/ping", label: "Ping", subject: agent.name, kind: "", ping: agent.id.description),
            menu: Table.Menu(label: "More", subject: agent.name, items: menu(agent, path)))
    }

    private static func trouble(_ agent: AgentRecord) -> String? {
        if let address = agent.duplicateAddress { return "a second one came from \(address)" }
        return agent.offeredFingerprint.map { _ in "waits for a key approval" }
    }

    /// The kinds of its backends; what failed is said first.
    private static func backends(_ targets: [TargetStatus]) -> Table.Cell {
        guard !targets.isEmpty else { return .text(nil) }
        let kinds = Set(targets.map { BackendText.kind($0.backend) }).sorted().joined(separator: ", ")
        let failed = targets.filter { $0.outcome == .failed }.count
        if failed > 0 { return .pill(.bad("\(failed) of \(targets.count) failed"), detail: kinds) }
        let waiting = targets.contains { $0.outcome == .pending }
        return .pill(waiting ? .wait("Waiting") : .ok("OK"), detail: kinds)
    }

    private static func menu(_ agent: AgentRecord, _ path: String) -> [Table.MenuItem] {
        var items = [
            Table.MenuItem(label: "Details", href: path), Table.MenuItem(label: "Log", href: path + "/log"),
            Table.MenuItem(label: "Resync", path: path + "/resync"),
            agent.disabled
                ? Table.MenuItem(label: "Enable", path: path + "/enable")
                : Table.MenuItem(label: "Disable", path: path + "/disable"),
        ]
        guard agent.declaredBy == nil else { return items }
        if !agent.embedded { items.append(Table.MenuItem(label: "Rotate token…", href: path + "/rotate")) }
        return items + [Table.MenuItem(label: "Delete…", href: path + "/delete")]
    }
}
