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
        // As the command says it, so that what it says is right.
        guard let line = enabled.text.split(separator: "\n").first(where: { $0.contains("\"haproxy\"") }) else {
            throw LabError("no backend in \(enabled.text)")
        }
        let group = try await make(group: "staff")
        try await make(user: "alice", groups: [group])
        let made = try await admin.expect(
            201, "POST", "/api/v1/admin/knocs",
            [
                "name": "wiki", "group_ids": [.string(group)], "url": "http://app.test:8080/", "grant_on": "click",
                "enforcement": [["agent_id": .string(agentID), "backend": try JSON(parsing: Data(line.utf8))]],
            ])
        try await untilTargetsApplied("wiki")
        guard let id = made["id"].string else { throw LabError("no id: \(made)") }
        return id
    }
}
