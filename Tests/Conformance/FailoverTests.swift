import Glibc
import Lab
import Testing

extension WholeSystem {
    @Suite("two nodes") struct FailoverTests {
        @Test(
            "sign-in at A, agent at B; B killed: the agent is at A within three seconds and nothing else changes",
            .timeLimit(limit))
        func failover() async throws {
            try await Site.run(.twoNodes) { site in
                let (nodeA, nodeB) = (site.nodes[0], site.nodes[1])
                #expect(try await site.agentRecord()["node"].string == nodeB.host.namespace)
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                let client = try nodeA.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                #expect(try await client.change("POST", knoc)["state"].string == "open")
                let alice = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                let mallory = try Probe.watch(from: site.mallory, to: site.gateway.ipv4, port: 9000)
                try await alice.until(open: true)
                try await mallory.until(open: false)

                let killed = Clock.now
                await nodeB.stop(SIGKILL)
                try await site.untilAgentIs(at: nodeA.host.namespace)
                #expect(Clock.now - killed < 3, "the agent took \(Clock.now - killed) s")
                #expect(alice.changes.allSatisfy { $0.open }, "Alice was cut: \(alice.changes)")
                #expect(mallory.changes.allSatisfy { !$0.open }, "it was open to Mallory")
                #expect(try await client.change("DELETE", knoc)["state"].string == "closed")
                try await alice.until(open: false)
                for probe in [service, alice, mallory] { await probe.stop() }
            }
        }

        @Test(
            "a node without its database lets its agent go, answers 503 after five seconds, and serves who waits for less",
            .timeLimit(limit))
        func withoutDatabase() async throws {
            try await Site.run(.twoNodes) { site in
                let (nodeA, nodeB) = (site.nodes[0], site.nodes[1])
                #expect(try await site.agentRecord()["node"].string == nodeB.host.namespace)
                try await site.make(user: "alice", groups: [try await site.make(group: "staff")])
                let client = try nodeB.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                let database = try #require(site.postgres).host.ipv4
                try await nodeB.host.nft(
                    """
                    table inet lost {
                        chain input { type filter hook input priority 0; ip saddr \(database) drop; }
                        chain output { type filter hook output priority 0; ip daddr \(database) drop; }
                    }

                    """)
                let lost = Clock.now
                let refused = try await client.get("/api/v1/me")
                #expect(refused.status == 503 && refused.header("retry-after") != nil, "\(refused)")
                #expect((4...15).contains(Clock.now - lost), "answered after \(Clock.now - lost) s")
                try await site.untilAgentIs(at: nodeA.host.namespace, within: 15)
                // The node let it go, before the agent lost patience with an old database.
                let log = await nodeB.log(200)
                #expect(log.contains("code=no-database"), "\(log)")
                #expect(Clock.now - lost > 4.5, "the agent left after \(Clock.now - lost) s")

                let asked = Clock.now
                let waiting = Task { try await client.get("/api/v1/me") }
                let other = try nodeB.client(on: site.mallory)
                #expect(try await other.send("GET", "/health").status == 503)
                while Clock.now < asked + 2 { #expect(try await other.get("/livez").status == 200) }
                try await nodeB.host.nft("delete table inet lost\n")
                let served = try await waiting.value
                #expect(served.status == 200, "\(served)")
            }
        }

        @Test("a session survives the restart of every node, one after the other", .timeLimit(limit))
        func restart() async throws {
            try await Site.run(.twoNodes) { site in
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let first = try site.nodes[0].client(on: site.alice)
                try await first.signIn("alice", Site.password)
                let second = try site.nodes[1].client(on: site.alice)
                await second.use(token: await first.token)
                for node in site.nodes {
                    #expect(await node.stop(SIGTERM) == 0)
                    try await node.start()
                    #expect(try await first.get("/api/v1/me").status == 200)
                    #expect(try await second.get("/api/v1/me").status == 200)
                }
            }
        }

        @Test("wrong passwords at both nodes count together, and only failures count", .timeLimit(limit))
        func throttled() async throws {
            try await Site.run(.twoNodes) { site in
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                try await site.make(user: "bob", groups: [group])
                let clients = try site.nodes.map { try $0.client(on: site.mallory) }
                for _ in 1...6 {
                    #expect(try await clients[0].signIn("bob", Site.password).status == 200)
                }
                for client in clients { await client.use(token: nil) }
                var statuses: [Int] = []
                // Failures are counted anew from each quarter of an hour on, which may begin in between.
                for attempt in 0..<16 where statuses.suffix(2) != [429, 429] {
                    let answer = try await clients[attempt % 2].signIn("alice", "wrong \(attempt)")
                    statuses.append(answer.status)
                    if answer.status == 429 { #expect(Int(answer.header("retry-after") ?? "") ?? 0 > 0) }
                }
                #expect(statuses.first == 401)
                #expect(statuses.suffix(2) == [429, 429], "\(statuses)")
                for client in clients {
                    #expect(try await client.signIn("bob", Site.password).status == 200)
                }
            }
        }
    }
}
