/// What `GET /health` tells.
public struct HealthReport: Hashable, Sendable, Codable {
    public enum Status: String, Hashable, Sendable, Codable {
        /// What is wanted is in force, with or without a server.
        case ok
        /// The backend cannot be changed or refuses a target.
        case failing
    }

    public var status: Status
    public var role: String
    public var connected: Bool
    /// The server of the present or the last link.
    public var server: String?
    public var node: String?
    /// Addresses that are open now.
    public var entries: Int
    /// When this agent last stood where the server stands, RFC 3339.
    public var lastSync: String?
    public var backend: String
    public var version: String
    /// The id that the server gave this agent.
    public var agent: String?
    /// Of this agent's key, as an administrator compares it.
    public var fingerprint: String?
    /// Why the status is not ok.
    public var reason: String?

    public init(backend: String, version: String) {
        status = .ok
        role = "agent"
        connected = false
        entries = 0
        self.backend = backend
        self.version = version
    }
}
