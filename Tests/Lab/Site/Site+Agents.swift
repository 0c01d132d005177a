import Foundation

extension Site {
    /// One more agent of this site, enrolled, on a host of its own.
    ///
    /// - Parameters:
    ///   - wrapper: a command before the agent's own, such as one that mounts something for it alone.
    ///   - environment: of its own; the rest is what every agent of the lab has.
    public func anotherAgent(
        _ name: String, on host: Host, wrapper: [String] = [], environment: [String: String] = [:]
    ) async throws -> (id: String, process: AgentProcess) {
        let made = try await admin.expect(201, "POST", "/api/v1/admin/agents", ["name": .string(name)])
        guard let id = made["id"].string, let token = made["token"].string else { throw LabError("no token: \(made)") }
        let fingerprint = try await Shell.check(
            ["openssl", "x509", "-in", folder.path + "/cert.pem", "-noout", "-fingerprint", "-sha256"])
        let state = stateFolder(ofAgent: name)
        try FileManager.default.createDirectory(
            atPath: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let standard = [
            "KNOCKNOC_AGENT_SERVER_URL": nodes.reversed().map { "https://\($0.host.ipv4):8756" }.joined(separator: ","),
            "KNOCKNOC_AGENT_TOKEN": token, "KNOCKNOC_AGENT_STATE_FILE": state + "/state.json",
            "KNOCKNOC_AGENT_LOG_LEVEL": "debug",
            "KNOCKNOC_AGENT_TLS_FINGERPRINT": fingerprint.text.split(separator: "=").last.map {
                $0.trimmingCharacters(in: .whitespacesAndNewlines)
            } ?? "",
        ]
        let process = AgentProcess(
            on: host, environment: standard.merging(environment) { _, given in given }, wrapper: wrapper)
        try await process.start()
        return (id, process)
    }

    /// Where ``anotherAgent(_:on:wrapper:environment:)`` keeps what it knows.
    public nonisolated func stateFolder(ofAgent name: String) -> String { folder.path + "/agent-" + name }

    /// Waits until the administration shows some agent as linked.
    public nonisolated func untilOnline(agent id: String) async throws {
        try await Lab.until("agent \(id) is online") {
            try await admin.expect(200, "GET", "/api/v1/admin/agents/\(id)")["status"].string == "online"
        }
    }
}
