import FoundationEssentials
public import KnocknocAccess
import KnocknocModel
public import KnocknocStore

/// What `knocker cluster` shows: web nodes, the database's hosts, agents.
public struct ClusterReport: Encodable, Sendable {
    public struct Node: Encodable, Sendable {
        public var name: String
        public var version: String
        public var alive: Bool
        /// Seconds since it was last heard of.
        public var seen: Int64
        public var agents: Int64
        public var zone: String?
    }

    public struct Host: Encodable, Sendable {
        public var name: String
        /// `primary`, `standby` or `away`.
        public var role: String
        public var version: String?
        /// What a standby lacks of the primary's log; nil where nobody can tell.
        public var lagBytes: Int64?
        /// Since the last change that it has; 0 where it has all.
        public var lagSeconds: Double?
        public var problem: String?
    }

    public struct Agents: Encodable, Sendable {
        public var all: Int
        public var online: Int
        /// Those that should be online and are not.
        public var away: [String]
    }

    /// nil where the database does not tell.
    public var nodes: [Node]?
    /// The node that ended last what had expired.
    public var sweeper: String?
    public var database: [Host]
    /// `sync` where a commit waits for a second host, `async` where not, `local` for SQLite.
    public var durability: String?
    /// nil where the database does not tell.
    public var agents: Agents?
    /// What somebody should look at.
    public var warnings: [String]

    /// - Parameters:
    ///   - state: what the database tells of nodes and agents; nil where it does not.
    ///   - hosts: every host of the database, each asked for itself; none for SQLite.
    ///   - problem: why there is no state.
    public init(_ state: ClusterState?, _ hosts: [PostgresHost], problem: String? = nil) {
        nodes = state.map(Self.nodes)
        sweeper = state?.sweeper?.name
        let primaries = hosts.filter { $0.role == .primary }
        let newest = primaries.compactMap(\.position).max()
        database = hosts.map { host in
            var shown = Host(name: host.name, role: host.role.rawValue, version: host.version, problem: host.problem)
            if host.role == .standby, let newest, let position = host.position {
                // The primary may have been asked a moment earlier.
                let lag = max(0, newest - position)
                shown.lagBytes = lag
                shown.lagSeconds = lag == 0 ? 0 : host.replayedAgo.map { Double($0) / 1_000_000 }
            }
            return shown
        }
        durability = hosts.isEmpty ? "local" : primaries.first?.isSynchronous.map { $0 ? "sync" : "async" }
        agents = state.map { state in
            let wanted = state.agents.filter { $0.status != .disabled && $0.status != .pending }
            return Agents(
                all: state.agents.count, online: wanted.filter { Self.isFine($0) }.count,
                away: wanted.filter { !Self.isFine($0) }.map(\.name))
        }
        warnings = []
        if Set(primaries.compactMap(\.server)).count > 1 {
            warnings.append(
                "several hosts take writes: \(primaries.map(\.name).joined(separator: ", ")). Stop the old primary at once"
            )
        }
        let unknown = "web nodes and agents are unknown"
        let isWithoutPrimary = !hosts.isEmpty && primaries.isEmpty
        if isWithoutPrimary { warnings.append("no host takes writes" + (state == nil ? ": \(unknown)" : "")) }
        for host in hosts where host.role == .away {
            warnings.append("\(host.name) is away: \(Self.reason(host))")
        }
        // Without a primary the hosts have said why.
        if let problem, !isWithoutPrimary { warnings.append("\(unknown): \(problem)") }
        for node in nodes ?? [] where !node.alive {
            warnings.append("web node \(node.name) has not been heard of for \(node.seen) s")
        }
    }

    private static func nodes(_ state: ClusterState) -> [Node] {
        // A machine that lost its power is back under its name.
        let back = Set(state.nodes.filter(\.isAlive).map(\.name))
        return state.nodes.filter { $0.isAlive || !back.contains($0.name) }.map { node in
            Node(
                name: node.name, version: node.version, alive: node.isAlive,
                seen: max(0, state.now.milliseconds(since: node.seenAt) / 1000), agents: node.agents,
                zone: node.zone)
        }
    }

    /// Why a host is away, without its name before it, which is said already.
    private static func reason(_ host: PostgresHost) -> String {
        guard let problem = host.problem else { return "no answer" }
        let prefix = host.name + ": "
        return problem.hasPrefix(prefix) ? String(problem.dropFirst(prefix.count)) : problem
    }

    /// Linked and heard of, of whichever release.
    private static func isFine(_ agent: AgentRecord) -> Bool { agent.isLinked && agent.status != .stale }

    /// One JSON object.
    public func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// For people.
    public var lines: [String] {
        var lines = ["Web nodes" + (nodes == nil ? ": unknown" : "")]
        lines += (nodes ?? []).map { node in
            "  \(node.name): \(node.version), \(node.alive ? "up" : "gone"), \(node.agents) agents"
                + (node.zone.map { ", zone \($0)" } ?? "")
                + (node.name == sweeper ? ", swept last" : "")
        }
        if nodes?.isEmpty == true { lines.append("  none runs") }
        lines += ["", "Database (durability: \(durability ?? "unknown"))"]
        lines += database.map { host in
            let lag = host.lagBytes.map { bytes in
                bytes == 0
                    ? ", has all" : ", \(bytes) bytes behind" + (host.lagSeconds.map { ", \($0.rounded()) s" } ?? "")
            }
            return "  \(host.name): \(host.role)" + (host.version.map { ", PostgreSQL \($0)" } ?? "") + (lag ?? "")
        }
        if database.isEmpty { lines.append("  a SQLite file of this machine") }
        lines += ["", "Agents: " + (agents.map { "\($0.online) of \($0.all) online" } ?? "unknown")]
        let away = agents?.away ?? []
        lines += away.prefix(20).map { "  away: \($0)" }
        if away.count > 20 { lines.append("  and \(away.count - 20) more") }
        if !warnings.isEmpty { lines += [""] + warnings.map { "Look: \($0)" } }
        return lines
    }
}
