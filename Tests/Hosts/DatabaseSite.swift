import Lab
import Testing

/// A site whose database's machine may be lost: the database and a node on `db1`, the node that people use and an agent
/// on machines of their own, and room for two database machines more.
struct DatabaseSite: Administration {
    static let name = "portal.test"
    static let origin = "https://\(name):\(SingleNode.port)"
    /// Where the server keeps the certificate that it makes.
    static let certificate = "/var/lib/knocknoc/tls-cert.pem"

    let rack: Rack
    let db1: Machine
    let web: Machine
    let gate: Machine
    let admin: WebClient
    let agentID: String
    /// Where everybody works from.
    let office: Host
    let crew: Crew
    /// For further web nodes, as `exposedb` showed it.
    let url: String

    static func make(on rack: Rack) async throws -> DatabaseSite {
        let machines = try await rack.machines([("db1", 1), ("web", 11), ("gate", 21)])
        let (db1, web, gate) = (machines[0], machines[1], machines[2])
        try await rack.name(name, web)
        async let others: Void = install(web, gate)
        try await db1.installServer()
        let set = try await db1.run([
            "knocknoc-setup", "--non-interactive", "--listen", "0.0.0.0:\(SingleNode.port)", "--trusted-forwarders",
            "none", "--db-option", "1", "--public-url", origin,
        ])
        let setUp = try Machine.SetUp(set.text)
        try await others
        let said = try await db1.run(["knocker", "exposedb", "--init"]).text
        guard let url = said.split(separator: "\n").first(where: { $0.hasPrefix("postgres://") }) else {
            throw LabError("exposedb printed no connection string:\n\(said)")
        }
        try await db1.run(["knocker", "exposedb", "--add", web.ipv4])
        let joined = try await web.join(String(url))
        let office = try await rack.visitor("office", 100, also: 101...110)
        let admin = try WebClient(on: office, base: origin, address: web.ipv4)
        try await admin.becomeAdministrator(with: setUp.code ?? "")
        let made = try await admin.expect(201, "POST", "/api/v1/admin/agents", ["name": "gate"])
        guard let id = made["id"].string, let token = made["token"].string else { throw LabError("no token: \(made)") }
        try await gate.configureAgent(server: origin, token: token, fingerprint: try Machine.SetUp(joined).fingerprint)
        let crew = try await Crew.hire(at: Office(admin: admin, agentID: id), knocs: 6)
        return DatabaseSite(
            rack: rack, db1: db1, web: web, gate: gate, admin: admin, agentID: id, office: office, crew: crew,
            url: String(url))
    }

    private struct Office: Administration {
        let admin: WebClient
        let agentID: String
    }

    private static func install(_ web: Machine, _ gate: Machine) async throws {
        try await web.installServer()
        try await gate.installAgent()
    }

    /// The other two, as Debian leaves them.
    func spares() async throws -> (db2: Machine, db3: Machine) {
        let machines = try await rack.machines([("db2", 2), ("db3", 3)])
        return (machines[0], machines[1])
    }

    /// Those of the machines that run a web node.
    func nodes(among machines: [Machine]) async throws -> [Machine] {
        var nodes: [Machine] = []
        for machine in machines {
            let found = try await machine.attempt(["test", "-e", "/opt/knocknoc/etc/knocknoc.conf"])
            if found.status == 0 { nodes.append(machine) }
        }
        return nodes
    }

    /// Waits until each of these machines that runs a web node says that it serves; nobody helps them.
    func untilHealthy(_ machines: [Machine], within limit: Double = 120) async throws {
        let nodes = try await nodes(among: machines)
        try await withThrowingTaskGroup { group in
            for node in nodes { group.addTask { try await node.untilHealthy(within: limit) } }
            try await group.waitForAll()
        }
    }

    /// Everybody signs in at the node of the people, and works.
    func work() async throws -> Load {
        try await web.untilHealthy()
        // What somebody opened in an earlier session is none of this ledger's.
        try await web.run(["knocker", "end-sessions"])
        return try await Load.start(
            on: office, crew.people, at: web.ipv4, name: Self.name, certificate: try await web.read(Self.certificate),
            rate: 60, changes: 0.5, port: SingleNode.port, isNamed: false)
    }
}

extension Machine {
    /// Becomes a web node of the site that this string leads to.
    ///
    /// - Returns: what the installer said.
    func join(_ url: String) async throws -> String {
        try await run(Self.joining, input: url + "\n").text
    }

    /// The installer's third choice without a person; the string comes by its input.
    static let joining = [
        "knocknoc-setup", "--non-interactive", "--listen", "0.0.0.0:\(SingleNode.port)", "--trusted-forwarders", "none",
        "--db-option", "3", "--database-url", "-", "--public-url", DatabaseSite.origin,
    ]
}
