import Lab

/// One node with its own Postgres on `web1`, an agent on `gate`, and two people.
struct SingleNode: Administration {
    static let port = 8756

    let web: Machine
    let gate: Machine
    let alice: Host
    let mallory: Host
    let admin: WebClient
    let agentID: String

    static func make(on rack: Rack) async throws -> SingleNode {
        let machines = try await rack.machines([("web1", 11), ("gate", 1)])
        let (web, gate) = (machines[0], machines[1])
        async let agentInstalled: Void = gate.installAgent()
        try await web.apt("postgresql")
        try await web.installServer()
        try await web.makeDatabase()
        try await web.configureServer([
            "Listen = [::]:\(port)", "PublicURL = https://web1:\(port)", "DatabaseURL = \(Machine.localDatabase)",
            "TLSSelfSigned = true", "TLSSAN = web1,\(web.ipv4)",
        ])
        try await web.untilHealthy()
        // The service's user, because the database knows it by that name.
        try await web.run(
            ["runuser", "-u", "knocknoc", "--", "knocker", "create-admin", "root", "--password-stdin"],
            input: Site.adminPassword + "\n")
        let admin = try WebClient(on: web.host, base: "https://web1:\(port)", address: web.ipv4)
        let answer = try await admin.signIn("root", Site.adminPassword, admin: true)
        guard answer.status == 200 else { throw LabError("the administrator cannot sign in: \(answer)") }
        let made = try await admin.expect(201, "POST", "/api/v1/admin/agents", ["name": "gate"])
        guard let id = made["id"].string, let token = made["token"].string else { throw LabError("no token: \(made)") }
        try await agentInstalled
        try await gate.configureAgent(
            server: "https://web1:\(port)", token: token,
            fingerprint: try await web.fingerprint(of: Machine.certificate))
        let site = SingleNode(
            web: web, gate: gate, alice: try await rack.visitor("alice", 2),
            mallory: try await rack.visitor("mallory", 3), admin: admin, agentID: id)
        try await site.untilAgentIsOnline()
        return site
    }
}
