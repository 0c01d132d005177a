import Foundation

/// Puts a site together, part by part, and takes apart whatever it got to.
actor SiteBuilder {
    private let topology: Topology
    private let extra: [String: String]
    private let network = Network()
    private let folder: URL
    private var nodes: [ServerProcess] = []
    private var agent: AgentProcess?
    private var postgres: PostgresCluster?

    init(_ topology: Topology, environment: [String: String]) throws {
        self.topology = topology
        extra = environment
        folder = try Lab.temporaryFolder("site")
    }

    func build() async throws -> Site {
        let gateway = try await network.host("g", 1)
        let alice = try await network.host("a", 2)
        let mallory = try await network.host("m", 3)
        let url: String
        switch topology {
        case .allInOne:
            let data = folder.appendingPathComponent("data")
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
            url = "sqlite://\(data.path)/knocknoc.db"
            nodes = [
                ServerProcess(
                    on: gateway, base: "http://knocknoc.test:8756",
                    arguments: ["--all-in-one", "--data-dir", data.path, "--listen", "[::]:8756"],
                    environment: [
                        "KNOCKNOC_PUBLIC_URL": "http://knocknoc.test:8756", "KNOCKNOC_INSECURE_HTTP": "true",
                        "KNOCKNOC_LOG_LEVEL": "debug",
                    ].merging(extra) { _, given in given }, folder: data)
            ]
        case .twoNodes:
            let database = try await network.host("d", 20)
            let cluster = try await PostgresCluster(on: database)
            postgres = cluster
            url = cluster.url
            try await makeCertificate()
            for (number, label) in [(11, "x"), (12, "y")] {
                nodes.append(try await node(try await network.host(label, number), url: url))
            }
        }
        for node in nodes { try await node.start() }
        try await Shell.check(
            nodes[0].host.inside([try knocker(), "create-admin", "root", "--password-stdin", "--database-url", url]),
            input: Site.adminPassword + "\n")
        let admin = try nodes[0].client(on: nodes[0].host)
        let answer = try await admin.signIn("root", Site.adminPassword, admin: true)
        guard answer.status == 200 else { throw LabError("the administrator cannot sign in: \(answer)") }
        let id = try await agentID(admin, gateway: gateway)
        return Site(
            topology: topology, gateway: gateway, alice: alice, mallory: mallory, nodes: nodes, agent: agent,
            postgres: postgres, admin: admin, agentID: id, network: network, folder: folder)
    }

    private func node(_ host: Host, url: String) async throws -> ServerProcess {
        let data = folder.appendingPathComponent(host.namespace)
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        return ServerProcess(
            on: host, base: "https://knocknoc.test:8756",
            arguments: ["--listen", "[::]:8756", "--database-url", url, "--data-dir", data.path],
            environment: [
                "KNOCKNOC_PUBLIC_URL": "https://knocknoc.test:8756", "KNOCKNOC_LOG_LEVEL": "debug",
                "KNOCKNOC_NODE_NAME": host.namespace, "KNOCKNOC_TLS_CERTIFICATE": folder.path + "/cert.pem",
                "KNOCKNOC_TLS_KEY": folder.path + "/key.pem",
            ].merging(extra) { _, given in given }, folder: data)
    }

    /// One certificate for both nodes, so that the agent can pin it.
    private func makeCertificate() async throws {
        try await Shell.check([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2", "-subj", "/CN=knocknoc.test", "-addext",
            "subjectAltName=DNS:knocknoc.test,IP:10.77.0.11,IP:10.77.0.12",
            "-keyout", folder.path + "/key.pem", "-out", folder.path + "/cert.pem",
        ])
    }

    private func agentID(_ admin: WebClient, gateway: Host) async throws -> String {
        guard topology == .twoNodes else {
            let agents = try await admin.expect(200, "GET", "/api/v1/admin/agents")["items"].items
            guard let id = agents.first?["id"].string else { throw LabError("the all-in-one has no agent: \(agents)") }
            return id
        }
        let made = try await admin.expect(201, "POST", "/api/v1/admin/agents", ["name": "gateway"])
        guard let id = made["id"].string, let token = made["token"].string else { throw LabError("no token: \(made)") }
        let fingerprint = try await Shell.check(
            ["openssl", "x509", "-in", folder.path + "/cert.pem", "-noout", "-fingerprint", "-sha256"])
        let agent = AgentProcess(
            on: gateway,
            environment: [
                // The node that people do not sign in at comes first.
                "KNOCKNOC_AGENT_SERVER_URL": nodes.reversed().map { "https://\($0.host.ipv4):8756" }
                    .joined(separator: ","),
                "KNOCKNOC_AGENT_TOKEN": token, "KNOCKNOC_AGENT_STATE_FILE": folder.path + "/agent/state.json",
                "KNOCKNOC_AGENT_LOG_LEVEL": "debug",
                "KNOCKNOC_AGENT_TLS_FINGERPRINT": fingerprint.text.split(separator: "=").last.map {
                    $0.trimmingCharacters(in: .whitespacesAndNewlines)
                } ?? "",
            ])
        self.agent = agent
        try FileManager.default.createDirectory(
            atPath: folder.path + "/agent", withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        try await agent.start()
        return id
    }

    /// The server executable answers as `knocker` when it is called so.
    private func knocker() throws -> String {
        let path = folder.path + "/knocker"
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: Lab.executable("knocknoc"))
        return path
    }

    func logs() async -> String {
        var text = ""
        for node in nodes { text += "--- \(node.host.namespace)\n\(await node.log(200))\n" }
        if let agent { text += "--- agent\n\(await agent.log(200))\n" }
        return text
    }

    func remove() async {
        if let agent { await agent.stop(SIGKILL) }
        for node in nodes { await node.stop(SIGKILL) }
        await postgres?.remove()
        await network.remove()
        try? FileManager.default.removeItem(at: folder)
    }
}
