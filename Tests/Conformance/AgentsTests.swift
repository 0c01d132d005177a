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

                let before = try await site.agentRecord()
                try await site.admin.expect(202, "POST", path + "/resync")
                try await nodeB.until("the agent is told everything anew") { log in
                    log.contains("the records moved under this link")
                }
                try await site.untilAgentIsLinkedAnew(since: before)
                let back = try await site.admin.expect(200, "POST", path + "/ping")
                #expect(back["reply"].string == "pong")

                await (try #require(site.agent)).stop(SIGKILL)
                try await site.untilAgent("offline")
                let offline = try await site.admin.send("POST", path + "/ping")
                #expect(offline.status == 409, "\(offline)")
                #expect(offline.json["last_seen_at"].string == (try await site.agentRecord())["last_seen_at"].string)
            }
        }

        @Test(
            "the late clean-up of an old link, on a node that stood still, does not mark the new one offline",
            .timeLimit(limit))
        func lateCleanUp() async throws {
            try await Site.run(.twoNodes) { site in
                let (nodeA, nodeB) = (site.nodes[0], site.nodes[1])
                try await site.untilAgentIs(at: nodeB.host.namespace)
                let stopped = try #require(await nodeB.current)
                stopped.signal(SIGSTOP)
                try await site.untilAgentIs(at: nodeA.host.namespace)
                stopped.signal(SIGCONT)
                // What it had gathered and what it finds ended is written now, while the new link is noted again and again.
                var seen = try await site.agentRecord()["last_seen_at"].string
                for _ in 0..<3 {
                    let before = seen
                    try await Lab.until("the new link is heard of") {
                        let record = try await site.agentRecord()
                        #expect(record["status"].string == "online", "\(record)")
                        #expect(record["node"].string == nodeA.host.namespace, "\(record)")
                        seen = record["last_seen_at"].string
                        return seen != before
                    }
                }
                let pong = try await site.admin.expect(200, "POST", "/api/v1/admin/agents/\(site.agentID)/ping")
                #expect(pong["via"].string == nodeA.host.namespace)
            }
        }

        @Test(
            "what knocker does to an agent reaches it in under 2 s wherever its link hangs, and its guards stay",
            .timeLimit(limit), arguments: Topology.allCases, [false, true])
        func promptly(_ topology: Topology, deletes: Bool) async throws {
            // The all-in-one makes its own agent anew.
            if topology == .allInOne, deletes { return }
            try await Site.run(topology) { site in
                let url = site.postgres?.url ?? "sqlite://\(site.folder.path)/data/knocknoc.db"
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                try await site.untilTargetsApplied("service")
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                #expect(try await client.change("POST", knoc)["state"].string == "open")
                let alice = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                try await alice.until(open: true)
                let words = deletes ? ["delete", site.agentID, "--force"] : ["disable", site.agentID]
                try await Shell.check(
                    site.nodes[0].host.inside(
                        [Lab.executable("knocknoc"), "knocker", "agent"] + words
                            + ["--config", "none", "--database-url", url]))
                let done = Clock.now
                let closed = try await alice.until(open: false, within: .seconds(60))
                #expect(closed.begun <= done + 2, "closed after \(closed.begun - done) s")
                Lab.measured("\(words[0]) by knocker, \(topology): all is closed after \(closed.begun - done) s")
                let sets = try await site.gateway.run(["nft", "list", "ruleset"]).text
                #expect(sets.contains("9000") && !sets.contains(site.alice.ipv4), "\(sets)")
                for probe in [service, alice] { await probe.stop() }
            }
        }

        @Test("knocker adds, lists, pings, disables, rotates and deletes agents beside the nodes", .timeLimit(limit))
        func commandLine() async throws {
            try await Site.run(.twoNodes) { site in
                let url = try #require(site.postgres).url
                @discardableResult
                func knocker(_ words: String..., failing status: Int32 = 0) async throws -> Shell.Result {
                    let place = ["--config", "none", "--database-url", url]
                    let result = try await Shell.run(
                        site.nodes[0].host.inside([Lab.executable("knocknoc"), "knocker", "agent"] + words + place))
                    #expect(result.status == status, "\(words): \(result)")
                    return result
                }
                let added = try await knocker("add", "gw-2", "--zone", "eu")
                let token = added.text.trimmingCharacters(in: .whitespacesAndNewlines)
                #expect(token.count == 43 && !added.errors.contains(token), "\(added)")
                let listed = try JSON(parsing: try await knocker("list", "--json").output)
                #expect(Set(listed.items.compactMap { $0["name"].string }) == ["gateway", "gw-2"], "\(listed)")
                let lines = try await knocker("list").text
                #expect(lines.hasPrefix("NAME ") && lines.contains("pending") && !lines.contains(token), "\(lines)")
                let other = try JSON(parsing: try await knocker("rotate", "gw-2", "--json").output)["token"].string
                #expect(other?.count == 43 && other != token)
                let last = try await knocker("rotate", "gw-2", "--now")
                #expect(last.errors.contains("no other counts any more"), "\(last)")

                try await site.untilAgentIsOnline()
                let pong = try await knocker("ping", "gateway")
                let via = try #require(try await site.agentRecord()["node"].string)
                #expect(pong.text.hasPrefix("pong · ") && pong.text.hasSuffix("ms via \(via)\n"), "\(pong)")
                #expect(try await knocker("ping", "gw-2", failing: 1).errors.contains("has never linked"))
                #expect(try await knocker("ping", "nobody", failing: 1).errors.contains("no agent named"))

                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                try await site.untilTargetsApplied("service")
                let client = try site.nodes[0].client(on: site.alice)
                try await client.signIn("alice", Site.password)
                #expect(try await client.change("POST", knoc)["state"].string == "open")

                func rename(_ words: String...) async throws -> Shell.Result {
                    let place = ["--config", "none", "--database-url", url]
                    return try await Shell.run(
                        site.nodes[0].host.inside(
                            [Lab.executable("knocknoc"), "knocker", "rename-zone"] + words + place))
                }
                let unsure = try await rename("EU", "eu-1")
                #expect(
                    unsure.status == 2 && unsure.errors.contains("1 agent and 0 Knocs name the zone EU"), "\(unsure)")
                let renamed = try await rename("EU", "eu-1", "--yes")
                #expect(renamed.status == 0 && renamed.text == "zone EU is eu-1 now: 1 agent, 0 Knocs\n", "\(renamed)")
                #expect(try await rename("eu", "eu-2", "-y").status == 1)
                #expect(try await knocker("list").text.contains(" eu-1 "))

                let asked = try await knocker("delete", "gateway", failing: 2)
                #expect(asked.errors.contains("1 grant is open through gateway"), "\(asked)")
                try await knocker("disable", "gateway")
                try await site.untilAgent("disabled")
                try await knocker("enable", "gateway")
                try await knocker("delete", site.agentID, "--force")
                #expect(try await site.admin.send("GET", "/api/v1/admin/agents/\(site.agentID)").status == 404)
                let audit = try await site.admin.expect(200, "GET", "/api/v1/admin/audit")["items"].items
                let mine = audit.filter { $0["actor_kind"].string == "cli" }.compactMap { $0["action"].string }
                for action in ["agent.create", "agent.rotate_token", "agent.update", "agent.delete"] {
                    #expect(mine.contains(action), "\(action)")
                }
            }
        }
    }
}
