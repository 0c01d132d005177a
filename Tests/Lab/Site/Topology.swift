/// The two forms in which the same parts run.
public enum Topology: String, CaseIterable, Sendable, CustomStringConvertible {
    /// One command with SQLite in it, the agent its child.
    case allInOne
    /// Two servers with TLS on one Postgres, the agent on another host.
    case twoNodes

    public var description: String {
        switch self {
        case .allInOne: "all-in-one"
        case .twoNodes: "two nodes, Postgres and a remote agent"
        }
    }
}
