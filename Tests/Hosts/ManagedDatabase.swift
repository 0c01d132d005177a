import Lab

/// A database as a service gives it: nodes have a limited login, TLS alone is let in, and a pooler stands in front.
struct ManagedDatabase: Administration {
    static let name = "managed.test"

    let database: Machine
    /// The first made the schema, the second joined.
    let nodes: [Machine]
    /// Of `nodes[0]`, signed in.
    let admin: WebClient
    /// Of an agent that is never started.
    let agentID: String
    /// What the installer of each node showed before the string that it took.
    let refusals: [String]

    /// - Parameters:
    ///   - release: of the database's host; this computer's own where nil.
    ///   - number: of the first of three hosts.
    static func make(on rack: Rack, release: String? = nil, _ number: Int) async throws -> ManagedDatabase {
        let label = release.map { "-" + $0 } ?? ""
        async let booted = rack.machine("db" + label, number, release: release)
        let nodes = try await rack.machines([("north" + label, number + 1), ("south" + label, number + 2)])
        let database = try await booted
        try await withThrowingTaskGroup { group in
            group.addTask { try await database.manageDatabase() }
            for node in nodes { group.addTask { try await node.installServer() } }
            try await group.waitForAll()
        }
        let login = ManagedLogin(host: database.name)
        let (first, refusal) = try await found(nodes[0], login)
        let key = try await nodes[0].read("/opt/knocknoc/etc/encryption.key").split(separator: "\n").last ?? ""
        let admin = try client(of: nodes[0])
        try await admin.becomeAdministrator(with: first.code ?? "")
        let before = try await database.migrations()
        let (second, plain) = try await join(nodes[1], login, key: String(key))
        guard try await database.migrations() == before else { throw LabError("the second node has migrated") }
        guard second.code == nil else { throw LabError("the second node printed a link for an administrator") }
        for node in nodes { try await node.untilHealth { $0["status"].string == "ok" } }
        let agent = try await admin.expect(201, "POST", "/api/v1/admin/agents", ["name": "nowhere"])
        return ManagedDatabase(
            database: database, nodes: nodes, admin: admin, agentID: agent["id"].string ?? "",
            refusals: [refusal, plain])
    }

    /// Somebody at a node itself, with the name that the portal has.
    static func client(of node: Machine) throws -> WebClient {
        try WebClient(on: node.host, base: "https://\(name):\(SingleNode.port)", address: node.ipv4)
    }

    /// Option 2, through the pooler, after strings that cannot be used.
    private static func found(
        _ node: Machine, _ login: ManagedLogin
    ) async throws -> (Machine.SetUp, refusals: String) {
        let question = "Connection string of the new database: "
        let terminal = try await begin(node, option: "2", question)
        var refusals = ""
        for url in [
            login.url(port: 5432, "?sslmode=disable"), login.url(port: 6432, "?sslmode=disable"),
            login.url(port: 5432, "?sslmode=require", database: "shop"),
            login.url(port: 6432, "?sslmode=require", database: "no_such"),
            login.url(port: 6432, "?sslmode=require&channel_binding=require"),
            ManagedLogin(host: login.host, password: "wrong").pooled,
        ] {
            terminal.type(url)
            refusals += try await terminal.expect(question, within: .seconds(60))
        }
        terminal.type(login.pooled)
        return (try await node.answer(rest, on: terminal), refusals)
    }

    /// Option 3, straight to the database; a service's string carries no key.
    private static func join(
        _ node: Machine, _ login: ManagedLogin, key: String
    ) async throws -> (Machine.SetUp, refusals: String) {
        let question = "Connection string of the existing Knocknoc database: "
        let terminal = try await begin(node, option: "3", question)
        terminal.type(login.url(port: 5432, "?sslmode=disable"))
        let refusal = try await terminal.expect(question, within: .seconds(60))
        terminal.type(login.direct)
        try await terminal.expect("EncryptionKey of the site: ", within: .seconds(60))
        terminal.type(key)
        let setUp = try await node.answer(rest, on: terminal)
        guard !terminal.transcript.contains(key) else { throw LabError("the key was shown as it was typed") }
        return (setUp, refusal)
    }

    private static func begin(_ node: Machine, option: String, _ question: String) async throws -> Terminal {
        let terminal = try await node.terminal(["knocknoc-setup"])
        for (question, answer) in [
            ("Listen on IP:PORT (", "0.0.0.0:\(SingleNode.port)"), ("TrustedForwarders (", ""),
            ("Option 1, 2 or 3? (", option),
        ] {
            try await terminal.expect(question, within: .seconds(60))
            try await terminal.expect("): ", within: .seconds(60))
            terminal.type(answer)
        }
        try await terminal.expect(question, within: .seconds(60))
        return terminal
    }

    private static let rest = [
        (question: "Serve https, with a certificate that is made here? (yes, no) (", answer: ""),
        ("Address that people type, as https://HOST[:PORT] (", "https://\(name):\(SingleNode.port)"),
        ("Continue? (yes, no) (", ""),
    ]
}

/// What a node is given of the database.
struct ManagedLogin {
    let host: String
    var password = "first-Passw0rd"

    func url(port: Int, _ parameters: String, database: String = "knocknoc") -> String {
        "postgres://knocknoc:\(password)@\(host):\(port)/\(database)\(parameters)"
    }

    var direct: String { url(port: 5432, "?sslmode=require&channel_binding=require") }
    /// The pooler ends the TLS, so that the password cannot be bound to it.
    var pooled: String { url(port: 6432, "?sslmode=require") }
}
