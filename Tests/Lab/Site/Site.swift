public import Foundation

/// A whole site: servers, an agent on the gateway, an administrator, and people on hosts of their own.
public actor Site: Administration {
    public static let adminPassword = "lab admin: correct horse"
    public static let password = "lab user: battery staple"

    public nonisolated let topology: Topology
    public nonisolated let gateway: Host
    public nonisolated let alice: Host
    public nonisolated let mallory: Host
    /// One, or the two that share a database.
    public nonisolated let nodes: [ServerProcess]
    /// The agent, where it is not a server's child.
    public nonisolated let agent: AgentProcess?
    public nonisolated let postgres: PostgresCluster?
    /// An administrator with a token, at the first node.
    public nonisolated let admin: WebClient
    /// The id of the agent on the gateway.
    public nonisolated let agentID: String
    nonisolated let network: Network
    public nonisolated let folder: URL

    init(
        topology: Topology, gateway: Host, alice: Host, mallory: Host, nodes: [ServerProcess], agent: AgentProcess?,
        postgres: PostgresCluster?, admin: WebClient, agentID: String, network: Network, folder: URL
    ) {
        self.topology = topology
        self.gateway = gateway
        self.alice = alice
        self.mallory = mallory
        self.nodes = nodes
        self.agent = agent
        self.postgres = postgres
        self.admin = admin
        self.agentID = agentID
        self.network = network
        self.folder = folder
    }

    /// Starts a site, runs `body`, and removes all of it; what failed is thrown with the logs.
    public static func run(
        _ topology: Topology, environment: [String: String] = [:], _ body: (Site) async throws -> Void
    ) async throws {
        let builder = try SiteBuilder(topology, environment: environment)
        do {
            let site = try await builder.build()
            try await site.untilAgentIsOnline()
            try await body(site)
            await builder.remove()
        } catch {
            let logs = await builder.logs()
            await builder.remove()
            throw LabError("\(error)\n\(logs)")
        }
    }

    public nonisolated var server: ServerProcess { nodes[0] }

    /// What a node listens on, as people on other hosts reach the protected service.
    public nonisolated func protectedAddress(_ family6: Bool) -> String { family6 ? gateway.ipv6 : gateway.ipv4 }
}
