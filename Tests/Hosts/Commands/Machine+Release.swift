import Lab

extension Machine {
    /// Does what puts another release in the place of the node's, and waits until it serves.
    ///
    /// - Throws: where `/health` did not say `draining` before the old one stopped.
    func replaced(by command: () async throws -> Void) async throws {
        let watch = try start([
            "bash", "-c",
            """
            for round in {1..6000}; do
                curl -sk --max-time 2 -w ' %{http_code}' "https://127.0.0.1:$0/health" | grep -q '"draining".* 503$' && exit 0
                sleep 0.05
            done
            exit 1
            """, String(SingleNode.port),
        ])
        do { try await command() } catch {
            await watch.stop()
            throw error
        }
        guard !watch.isRunning else {
            await watch.stop()
            throw LabError("\(name) never said that it drains")
        }
        guard await watch.exit() == 0 else { throw LabError("\(name) never said that it drains") }
        try await untilHealthy(within: 90)
    }

    /// The web nodes and their releases, as `knocker cluster` shows them; those that are gone are left out.
    func cluster() async throws -> [String: String] {
        let answer = try await attempt(["knocker", "cluster", "--json"])
        var versions: [String: String] = [:]
        for node in try JSON(parsing: answer.output)["nodes"].items where node["alive"].bool == true {
            versions[node["name"].string ?? ""] = node["version"].string
        }
        return versions
    }
}
