/// A site that an administrator is signed in at, with an agent to guard ports on.
public protocol Administration: Sendable {
    /// An administrator with a token.
    var admin: WebClient { get }
    /// The agent's id.
    var agentID: String { get }
}

extension Administration {
    @discardableResult
    public func make(group: String) async throws -> String {
        try await make("groups", ["name": .string(group), "kind": "local"])
    }

    @discardableResult
    public func make(user: String, groups: [String], sessionSeconds: Int? = nil) async throws -> String {
        var body: [String: JSON] = [
            "username": .string(user), "password": .string(Site.password),
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

    /// Waits until every target of every one of these Knocs is what it should be in the kernel.
    public func untilTargetsApplied(_ knocs: String..., within limit: Double = 60) async throws {
        let end = Clock.now + limit
        var seen: JSON = .null
        while Clock.now < end {
            let items = try await admin.expect(200, "GET", "/api/v1/admin/knocs")["items"].items
            let outcomes = items.filter { knocs.contains($0["name"].string ?? "") }.flatMap { item in
                seen = item
                return item["targets"].items.map { $0["outcome"].string ?? $0["state"].string ?? "" }
            }
            if outcomes.count >= knocs.count, outcomes.allSatisfy({ $0 == "applied" }) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw LabError("the targets of \(knocs) are not applied: \(seen)")
    }

    /// The agent's row in the administration.
    public func agentRecord() async throws -> JSON {
        try await admin.expect(200, "GET", "/api/v1/admin/agents/\(agentID)")
    }

    /// Waits until the administration shows the agent as linked.
    public func untilAgentIsOnline(within limit: Double = 60) async throws {
        try await untilAgent(within: limit, "online") { _ in true }
    }

    /// Waits until the agent's link is at this node.
    public func untilAgentIs(at node: String, within limit: Double = 60) async throws {
        try await untilAgent(within: limit, "at \(node)") { $0 == node }
    }

    /// Waits until the agent's link is anywhere but at this node.
    public func untilAgentHasLeft(_ node: String, within limit: Double = 60) async throws {
        try await untilAgent(within: limit, "away from \(node)") { $0 != node }
    }

    /// Waits until the administration shows the agent with this status.
    public func untilAgent(_ status: String, within limit: Double = 60) async throws {
        let end = Clock.now + limit
        var seen: JSON = .null
        while Clock.now < end {
            seen = try await agentRecord()
            if seen["status"].string == status { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw LabError("the agent is not \(status) within \(limit) s: \(seen)")
    }

    /// Waits until the agent has another link than the one of this record.
    public func untilAgentIsLinkedAnew(since record: JSON, within limit: Double = 60) async throws {
        let end = Clock.now + limit
        var seen: JSON = .null
        while Clock.now < end {
            seen = try await agentRecord()
            let isAnother = seen["connected_at"].string != record["connected_at"].string
            if isAnother, Self.isLinked(seen) { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw LabError("the agent has no other link within \(limit) s: \(seen)")
    }

    /// In the middle of an upgrade an agent is online and outdated.
    static func isLinked(_ agent: JSON) -> Bool { ["online", "outdated"].contains(agent["status"].string) }

    private func untilAgent(within limit: Double, _ what: String, _ matches: (String?) -> Bool) async throws {
        let end = Clock.now + limit
        var seen: JSON = .null
        while Clock.now < end {
            seen = try await agentRecord()
            if Self.isLinked(seen), matches(seen["node"].string) { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw LabError("the agent is not \(what) within \(limit) s: \(seen)")
    }
}
