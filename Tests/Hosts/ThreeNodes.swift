import Lab

/// Three nodes on the first one's Postgres behind a load balancer, and an agent that reaches them through it.
struct ThreeNodes: Administration {
    static let name = "portal.test"

    let nodes: [Machine]
    let balancer: Machine
    let gate: Machine
    let admin: WebClient
    let agentID: String
    /// Where everybody works from: ten addresses.
    let office: Host
    /// The load balancer's certificate, in PEM.
    let certificate: String

    static let addresses = (101...110).map { "10.77.0.\($0)" }

    static func make(from single: SingleNode, on rack: Rack) async throws -> ThreeNodes {
        let machines = try await rack.machines([("web2", 12), ("web3", 13), ("lb", 30)])
        let (joining, balancer) = (Array(machines[0...1]), machines[2])
        try await rack.name(name, balancer)
        let url = try await single.web.exposeDatabase(to: joining.map(\.ipv4), password: "of-the-nodes-in-the-lab")
        let key = try await single.web.read("/opt/knocknoc/etc/encryption.key")
        let nodes = [single.web] + joining
        try await withThrowingTaskGroup { group in
            for node in nodes {
                let database = node.name == single.web.name ? Machine.localDatabase : url
                group.addTask {
                    if node.name != single.web.name { try await node.installServer() }
                    try await node.configureServer(
                        [
                            "Listen = [::]:\(SingleNode.port)", "PublicURL = https://\(name)",
                            "DatabaseURL = \(database)", "TrustedForwarders = \(balancer.ipv4)/32",
                            "TLSSelfSigned = true", "TLSSAN = \(node.name),\(node.ipv4)",
                        ], key: key)
                    try await node.untilHealthy()
                }
            }
            try await group.waitForAll()
        }
        let certificate = try await balancer.balance(nodes, name: name)
        try await single.gate.configureAgent(
            server: "https://\(name)", token: try await single.agentToken(),
            fingerprint: try await balancer.fingerprint(of: "/tmp/cert.pem"))
        let office = try await rack.visitor("office", 100, also: 101...110)
        let admin = try WebClient(on: office, base: "https://\(name):443", address: balancer.ipv4)
        let answer = try await admin.signIn("root", Site.adminPassword, admin: true)
        guard answer.status == 200 else { throw LabError("the administrator cannot sign in: \(answer)") }
        let site = ThreeNodes(
            nodes: nodes, balancer: balancer, gate: single.gate, admin: admin, agentID: single.agentID, office: office,
            certificate: certificate)
        try await site.untilAgentIsOnline()
        return site
    }
}

extension SingleNode {
    /// The token that the agent has in its file.
    func agentToken() async throws -> String {
        try await gate.run(["cat", "/opt/knocknoc-agent/etc/token"]).line
    }
}
