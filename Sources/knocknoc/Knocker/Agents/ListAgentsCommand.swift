import ArgumentParser
import KnocknocAccess
import KnocknocModel

struct ListAgentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Shows all agents.")

    @Flag(help: "Print one JSON array.") var json = false
    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        try await SiteAccess.with(database) { access in
            var agents: [AgentRecord] = []
            while true {
                let page = try await access.listAgents(after: agents.last?.id, limit: 500)
                agents += page
                if page.count < 500 { break }
            }
            if json { return Exit.tell(try AgentOutput.json(agents.map { AgentOutput($0) })) }
            for line in Self.lines(agents) { Exit.tell(line) }
        }
    }

    private static func lines(_ agents: [AgentRecord]) -> [String] {
        var rows = [["NAME", "STATUS", "ZONE", "MACHINE", "VERSION", "ENTRIES", "VIA", "LAST SEEN"]]
        rows += agents.map { agent in
            [
                agent.name, agent.status.rawValue, agent.zone ?? "-", agent.machine ?? "-", agent.software ?? "-",
                "\(agent.entriesApplied)/\(agent.entriesWanted)", agent.isLinked ? agent.node ?? "-" : "-",
                agent.lastSeenAt?.description ?? "never",
            ]
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (index, text) in row.enumerated() {
                line += text
                if index < row.count - 1 { line += String(repeating: " ", count: widths[index] - text.count + 2) }
            }
            return line
        }
    }
}
