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
    /// The portal's certificate, in PEM.
    let certificate: String
    /// What the second node's installer showed before the first one let it in.
    let refusal: String
    /// From one node to three and a load balancer, in seconds.
    let took: Double

    static func make(from single: SingleNode, on rack: Rack) async throws -> ThreeNodes {
        let machines = try await rack.machines([("web2", 12), ("web3", 13), ("lb", 30)])
        let (second, third, balancer) = (machines[0], machines[1], machines[2])
        try await rack.name(name, balancer)
        let begun = Clock.now
        try await withThrowingTaskGroup { group in
            for machine in machines { group.addTask { try await machine.installServer() } }
            try await group.waitForAll()
        }
        try await single.web.run([
            "knocknoc-setup", "--non-interactive", "--public-url", "https://\(name)", "--trusted-forwarders",
            "\(balancer.ipv4)/32",
        ])
        let url = try await single.web.exposeDatabase()
        let refusal = try await join(second, url, balancer) { hint in
            // As it is shown there, typed here.
            try await single.web.shell(hint)
        }
        try await single.web.run(["knocker", "exposedb", "--add", third.ipv4])
        // A script that knows the order of the questions.
        try await third.run(
            ["knocknoc-setup"],
            input: "0.0.0.0:\(SingleNode.port)\n\(balancer.ipv4)/32\n3\n\(url)\n\nhttps://\(name)\n\n")
        let nodes = [single.web, second, third]
        for node in nodes { try await node.untilHealthy() }
        let certificate = try await balancer.balance(nodes, name: name)
        let took = Clock.now - begun
        try await single.gate.configureAgent(
            server: "https://\(name)",
            token: try await single.gate.run(["cat", "/opt/knocknoc-agent/etc/token"]).line,
            fingerprint: try await balancer.fingerprint(of: Machine.portal))
        let office = try await rack.visitor("office", 100, also: 101...110)
        let admin = try WebClient(on: office, base: "https://\(name):443", address: balancer.ipv4)
        let answer = try await admin.signIn("root", Site.adminPassword, admin: true)
        guard answer.status == 200 else { throw LabError("the administrator cannot sign in: \(answer)") }
        let site = ThreeNodes(
            nodes: nodes, balancer: balancer, gate: single.gate, admin: admin, agentID: single.agentID, office: office,
            certificate: certificate, refusal: refusal, took: took)
        try await site.untilAgentIsOnline()
        return site
    }

    /// People at work in the office; see ``Load``.
    func work(_ people: [Load.Person], rate: Double, signIns: Double = 0) async throws -> Load {
        try await Load.start(
            on: office, people, at: balancer.ipv4, name: Self.name, certificate: certificate, rate: rate, changes: 0.3,
            signIns: signIns, cookie: Machine.cookie)
    }

    /// Kills a node with SIGKILL; booting it brings it back.
    func kill(_ node: Machine) async throws {
        if node.name == nodes[0].name {
            // The database is on this host: its server alone dies, and systemd starts it again.
            try await node.run(["systemctl", "kill", "-s", "KILL", "knocknoc.service"])
        } else {
            await node.kill()
        }
    }

    /// Adds a node whose address is not let in yet: the installer says what to type on the first node, that is done, and
    /// the same answer is then taken.
    ///
    /// - Returns: what was shown when it was refused.
    private static func join(
        _ node: Machine, _ url: String, _ balancer: Machine, _ permit: (String) async throws -> Void
    ) async throws -> String {
        let terminal = try await node.terminal(["knocknoc-setup"])
        try await terminal.expect("Listen on IP:PORT (default: 127.0.0.1:8756): ")
        terminal.type("0.0.0.0:\(SingleNode.port)")
        try await terminal.expect("TrustedForwarders (default: 127.0.0.1/32): ")
        terminal.type("\(balancer.ipv4)/32")
        try await terminal.expect("Option 1, 2 or 3? (default: 1): ")
        terminal.type("3")
        let question = "Connection string of the existing Knocknoc database: "
        try await terminal.expect(question)
        terminal.type(url)
        let refusal = try await terminal.expect(question)
        guard let line = refusal.split(whereSeparator: \.isNewline).first(where: { $0.contains("exposedb --add") }),
            let start = line.firstRange(of: "/opt/")
        else { throw LabError("no hint what to type on the first node:\n\(terminal.transcript)") }
        try await permit(String(line[start.lowerBound...]))
        terminal.type(url)
        _ = try await node.answer(
            [
                ("Serve https, with a certificate that is made here? (yes, no) (", ""),
                ("Address that people type, as https://HOST[:PORT] (", "https://\(name)"),
                ("Continue? (yes, no) (", ""),
            ], on: terminal)
        return refusal
    }
}

extension Machine {
    /// SHA-256 of a certificate, as 64 hex digits with colons.
    func fingerprint(of file: String) async throws -> String {
        let text = try await run(["openssl", "x509", "-in", file, "-noout", "-fingerprint", "-sha256"]).line
        return text.split(separator: "=").last.map(String.init) ?? ""
    }
}
