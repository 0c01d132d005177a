import FoundationEssentials
import KnocknocAccess
import KnocknocModel

/// What `--json` prints of an agent; names as in the API.
struct AgentOutput: Encodable {
    var id: String
    var name: String
    var zone: String?
    var status: String
    var node: String?
    var machine: String?
    var system: String?
    var software: String?
    var connectedAt: String?
    var lastSeenAt: String?
    var entriesApplied: Int64
    var entriesWanted: Int64
    /// Shown this once.
    var token: String?

    init(_ agent: AgentRecord, token: String? = nil) {
        (id, name, zone, status) = (agent.id.description, agent.name, agent.zone, agent.status.rawValue)
        (node, machine, system, software) = (agent.node, agent.machine, agent.system, agent.software)
        (connectedAt, lastSeenAt) = (agent.connectedAt?.description, agent.lastSeenAt?.description)
        (entriesApplied, entriesWanted) = (agent.entriesApplied, agent.entriesWanted)
        self.token = token
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
