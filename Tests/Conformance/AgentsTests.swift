import Foundation
import Lab
import Testing

extension WholeSystem {
    @Suite("Agents, from wherever they are looked at") struct AgentsTests {
        @Test("node A pings the agent whose link node B holds, and has it told everything anew", .timeLimit(limit))
        func elsewhere() async throws {
            try await Site.run(.twoNodes) { site in
                let nodeB = site.nodes[1]
                try await site.untilAgentIs(at: nodeB.host.namespace)
                let path = "/api/v1/admin/agents/\(site.agentID)"
                let pong = try await site.admin.expect(200, "POST", path + "/ping")
                #expect(pong["reply"].string == "pong" && pong["via"].string == nodeB.host.namespace, "\(pong)")
                #expect(try #require(pong["round_trip_ms"].double) > 0, "\(pong)")

                try await site.admin.expect(202, "POST", path + "/resync")
                let agent = try #require(site.agent)
                try await Lab.until("the agent is told everything anew") {
                    await nodeB.log(400).contains("the records moved under this link")
                }
                try await site.untilAgentIsOnline()
                let back = try await site.admin.expect(200, "POST", path + "/ping")
                #expect(back["reply"].string == "pong")

                await agent.stop(SIGKILL)
                try await Lab.until("the agent is offline") {
                    try await site.agentRecord()["status"].string == "offline"
                }
                let offline = try await site.admin.send("POST", path + "/ping")
                #expect(offline.status == 409, "\(offline)")
                #expect(offline.json["last_seen_at"].string == (try await site.agentRecord())["last_seen_at"].string)
            }
        }
    }
}
