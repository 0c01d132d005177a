/// Which of the two nftables forms a test is about.
public enum GuardForm: String, CaseIterable, Sendable {
    case `guard`, set
}

extension Site {
    /// A Knoc's backend on the gateway for a TCP port, and for the set form the ruleset that uses the set.
    public func backend(_ form: GuardForm, port: Int, set: String = "allowed") async throws -> JSON {
        switch form {
        case .guard:
            return [
                "type": "nftables",
                "guard": ["protocol": "tcp", "ports": [JSON.number(Double(port))], "trial_seconds": 0],
            ]
        case .set:
            try await makeSet(set, port: port)
            return [
                "type": "nftables",
                "set": [
                    "family": "inet", "table": "site", "ipv4": .string(set + "4"), "ipv6": .string(set + "6"),
                ],
                "protocol": "tcp", "ports": [.number(Double(port))],
            ]
        }
    }

    /// The administrator's own firewall, with the usual rule for what is established before the sets.
    public func makeSet(_ name: String, port: Int) async throws {
        try await gateway.nft(
            """
            table inet site {
                set \(name)4 { type ipv4_addr; flags timeout; }
                set \(name)6 { type ipv6_addr; flags timeout; }
                chain input {
                    type filter hook input priority 0; policy accept;
                    ct state established,related accept
                    tcp dport \(port) ip saddr @\(name)4 accept
                    tcp dport \(port) ip6 saddr @\(name)6 accept
                    tcp dport \(port) drop
                }
            }

            """)
    }

    @discardableResult
    public func make(group: String) async throws -> String {
        try await make("groups", ["name": .string(group), "kind": "local"])
    }

    @discardableResult
    public func make(user: String, groups: [String], sessionSeconds: Int? = nil) async throws -> String {
        var body: [String: JSON] = [
            "username": .string(user), "password": .string(Self.password),
            "group_ids": .array(groups.map(JSON.string)),
        ]
        if let sessionSeconds { body["session_seconds"] = .number(Double(sessionSeconds)) }
        return try await make("users", .object(body))
    }

    @discardableResult
    public func make(
        knoc: String, groups: [String], backend: JSON, on grant: String = "click", seconds: Int = 3600
    ) async throws -> String {
        try await make(
            "knocs",
            [
                "name": .string(knoc), "group_ids": .array(groups.map(JSON.string)), "grant_on": .string(grant),
                "duration_seconds": .number(Double(seconds)),
                "enforcement": [["agent_id": .string(agentID), "backend": backend]],
            ])
    }

    private func make(_ kind: String, _ body: JSON) async throws -> String {
        let made = try await admin.expect(201, "POST", "/api/v1/admin/\(kind)", body)
        guard let id = made["id"].string else { throw LabError("POST \(kind) answered without an id: \(made)") }
        return id
    }
}
