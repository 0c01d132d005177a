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
    /// How long everything took from the first package until the agent was linked, in seconds; and how much the installer
    /// asked.
    let took: Double
    let answers: Int

    static func make(on rack: Rack) async throws -> SingleNode {
        let machines = try await rack.machines([("web1", 11), ("gate", 1)])
        let (web, gate) = (machines[0], machines[1])
        let begun = Clock.now
        async let agentInstalled: Void = gate.installAgent()
        try await web.installServer()
        let answers = [
            (question: "Listen on IP:PORT (", answer: "0.0.0.0:\(port)"), ("TrustedForwarders (", ""),
            ("Option 1, 2 or 3? (", ""), ("Serve https, with a certificate that is made here? (yes, no) (", ""),
            ("Address that people type, as https://HOST[:PORT] (", "https://web1:\(port)"),
            ("Continue? (yes, no) (", ""),
        ]
        let setUp = try await web.setUp(answers)
        let admin = try WebClient(on: web.host, base: "https://web1:\(port)", address: web.ipv4)
        try await admin.becomeAdministrator(with: setUp.code ?? "")
        let made = try await admin.expect(201, "POST", "/api/v1/admin/agents", ["name": "gate"])
        guard let id = made["id"].string, let token = made["token"].string else { throw LabError("no token: \(made)") }
        try await agentInstalled
        try await gate.configureAgent(server: "https://web1:\(port)", token: token, fingerprint: setUp.fingerprint)
        let site = SingleNode(
            web: web, gate: gate, alice: try await rack.visitor("alice", 2),
            mallory: try await rack.visitor("mallory", 3), admin: admin, agentID: id, took: Clock.now - begun,
            answers: answers.count)
        try await site.untilAgentIsOnline()
        return site
    }
}

extension WebClient {
    /// Follows the installer's link, fills in the page, and signs in.
    func becomeAdministrator(with code: String) async throws {
        let page = try await get("/admin/setup")
        let made = try await submit(
            "/admin/setup",
            [
                ("csrf", page.input("csrf") ?? ""), ("code", code), ("name", "root"), ("password", Site.adminPassword),
            ])
        guard made.status == 303 else { throw LabError("the link makes no administrator: \(made)") }
        let answer = try await signIn("root", Site.adminPassword, admin: true)
        guard answer.status == 200 else { throw LabError("the administrator cannot sign in: \(answer)") }
    }
}
