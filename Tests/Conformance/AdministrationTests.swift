import Lab
import Testing

extension WholeSystem {
    @Suite("administration") struct AdministrationTests {
        @Test(
            "everything can be made, changed and deleted, in both topologies", .timeLimit(limit),
            arguments: Topology.allCases)
        func everything(topology: Topology) async throws {
            try await Site.run(topology) { site in
                let admin = site.admin
                let agent = try await admin.expect(201, "POST", "/api/v1/admin/agents", ["name": "second"])
                let agentID = try #require(agent["id"].string)
                let group = try await site.make(group: "staff")
                let user = try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(knoc: "service", groups: [group], backend: ["type": "dry-run"])
                let account = try await admin.expect(
                    201, "POST", "/api/v1/admin/admins", ["username": "second", "password": "a second password"])
                let accountID = try #require(account["id"].string)
                let alice = try site.nodes[site.nodes.count - 1].client(on: site.alice)
                try await alice.signIn("alice", Site.password)
                #expect(try await alice.change("POST", knoc)["state"].string == "dry_run")

                let changes: [(String, JSON)] = [
                    ("users/\(user)", ["display_name": "Alice"]), ("groups/\(group)", ["name": "people"]),
                    ("knocs/\(knoc)", ["duration_seconds": 90]), ("knocs/\(knoc)", ["enforcement": []]),
                    ("agents/\(agentID)", ["name": "third"]), ("agents/\(agentID)", ["disabled": true]),
                    ("admins/\(accountID)", ["password": "another password"]),
                    ("admins/\(accountID)", ["disabled": true]), ("users/\(user)", ["disabled": true]),
                ]
                for (path, change) in changes {
                    let before = try await admin.get("/api/v1/admin/\(path)")
                    let answer = try await admin.expect(200, "PATCH", "/api/v1/admin/\(path)", change)
                    for key in change.keys where key != "password" { #expect(answer[key] == change[key], "\(path)") }
                    let stale = try await admin.send(
                        "PATCH", "/api/v1/admin/\(path)", headers: [("If-Match", before.header("etag") ?? "\"0\"")],
                        body: change.description)
                    #expect([409, 412].contains(stale.status), "\(path): \(stale)")
                }
                for list in ["users", "groups", "knocs", "agents", "admins", "grants", "sessions", "audit"] {
                    let page = try await admin.expect(200, "GET", "/api/v1/admin/\(list)?limit=1")
                    #expect(page["items"].items.count <= 1, "\(list)")
                    #expect(page.keys.contains("next"), "\(list)")
                }
                for path in [
                    "users/\(user)", "knocs/\(knoc)", "groups/\(group)", "agents/\(agentID)", "admins/\(accountID)",
                ] {
                    try await admin.expect(204, "DELETE", "/api/v1/admin/\(path)")
                    try await admin.expect(404, "GET", "/api/v1/admin/\(path)")
                }
                #expect(try await admin.get("/livez").status == 200)
            }
        }
    }
}
