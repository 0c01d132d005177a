import Foundation

extension Site {
    /// What an all-in-one's agent is told, so that it may speak to a ``ReverseProxy`` of the lab.
    public static let allowsReverseProxies = ["KNOCKNOC_AGENT_HAPROXY_SOCKETS": "/var/tmp/"]

    /// Puts a site behind a reverse proxy on the gateway, at http://app.test:8080, and gives it to alice as a Knoc.
    ///
    /// - Returns: the Knoc's id.
    public func gate(by proxy: ReverseProxy) async throws -> String {
        _ = try await GatedService.start(on: gateway, port: 9001)
        let enabled = try await proxy.enable([
            "--data-dir", folder.path + "/data", "--http-only", "--bind", "*:8080", "--domain", "app.test:8080",
            "--upstream", "127.0.0.1:9001", "--portal", server.base,
        ])
        try await proxy.start()
        let group = try await make(group: "staff")
        try await make(user: "alice", groups: [group])
        return try await knoc("wiki", of: "door", at: "app.test:8080", group, by: enabled)
    }

    /// Puts a second site behind it, at http://git.test:8080, once there is one.
    ///
    /// - Returns: its Knoc's id.
    public func secondGate(by proxy: ReverseProxy) async throws -> String {
        let enabled = try await proxy.enable([
            "--data-dir", folder.path + "/data", "--name", "git", "--domain", "git.test:8080", "--upstream",
            "127.0.0.1:9001",
        ])
        let groups = try await admin.expect(200, "GET", "/api/v1/admin/groups")
        guard let group = groups["items"].items.first?["id"].string else { throw LabError("no group: \(groups)") }
        return try await knoc("git", of: "git", at: "git.test:8080", group, by: enabled)
    }

    /// A Knoc with the backend that the command says, so that what it says is right.
    private func knoc(
        _ name: String, of door: String, at domain: String, _ group: String, by enabled: Shell.Result
    ) async throws -> String {
        guard let line = enabled.text.split(separator: "\n").first(where: { $0.contains("/\(door).map\"") }) else {
            throw LabError("no backend in \(enabled.text)")
        }
        let made = try await admin.expect(
            201, "POST", "/api/v1/admin/knocs",
            [
                "name": .string(name), "group_ids": [.string(group)], "url": .string("http://\(domain)/"),
                "grant_on": "click",
                "enforcement": [["agent_id": .string(agentID), "backend": try JSON(parsing: Data(line.utf8))]],
            ])
        try await untilTargetsApplied(name)
        guard let id = made["id"].string else { throw LabError("no id: \(made)") }
        return id
    }
}
