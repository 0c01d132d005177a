import Glibc
import Lab
import Testing

extension WholeSystem {
    @Suite("an agent for which there is no server") struct AloneTests {
        /// How long, in seconds of real time.
        private static let absence = 90.0

        @Test(
            "for 90 s: it closes what is over, keeps what is not, puts back what a hand flushes, and is back with the nodes",
            .onlyLong, .timeLimit(.minutes(6)))
        func alone() async throws {
            try await Site.run(.twoNodes) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                let bob = try await site.another("b", 44)
                let backend = try await site.backend(.guard, port: 9000)
                let kept = try await site.make(knoc: "kept", groups: [group], backend: backend, seconds: 600)
                let over = try await site.make(knoc: "over", groups: [group], backend: backend, seconds: 30)
                try await site.untilTargetsApplied("kept", "over")
                let people = try ["alice": site.alice, "bob": bob].mapValues { try site.server.client(on: $0) }
                for (name, client) in people {
                    try await site.make(user: name, groups: [group])
                    try await client.signIn(name, Site.password)
                }
                let item = try #require(try await people["alice"]?.change("POST", kept))
                #expect(item["state"].string == "open")
                let before = Clock.now
                #expect(try await people["bob"]?.change("POST", over)["state"].string == "open")
                let after = Clock.now
                let watches = try [site.alice, bob, site.mallory].map {
                    try Probe.watch(from: $0, to: site.gateway.ipv4, port: 9000)
                }
                let (alice, bobs, mallory) = (watches[0], watches[1], watches[2])
                for watch in [alice, bobs] { try await watch.until(open: true) }
                try await mallory.until(open: false)
                for node in site.nodes { await node.stop(SIGKILL) }
                let gone = Clock.now

                let closed = try await bobs.until(open: false, within: .seconds(90))
                #expect(closed.begun <= after + 30.05, "open \(closed.begun - after - 30) s too long")
                #expect(closed.ended >= before + 28.5, "closed after only \(closed.ended - before) s")
                try await site.gateway.run(["nft", "flush", "ruleset"])
                let mended = Clock.now + 10
                try await alice.look(for: .seconds(max(0, gone + Self.absence - Clock.now)))
                #expect(alice.changes.allSatisfy { $0.open }, "Alice was cut: \(alice.changes)")
                for watch in [mallory, bobs] {
                    #expect(
                        !watch.isOpen && watch.changes.allSatisfy { !$0.open || $0.begun < mended })
                }

                for node in site.nodes { try await node.start() }
                let back = Clock.now
                try await site.untilAgentIsOnline()
                Lab.measured("90 s without a server: the agent is online \(Clock.now - back) s after the nodes")
                let again = try await people["alice"]?.knoc("kept")
                #expect(
                    again?["state"].string == "open" && again?["expires_at"] == item["expires_at"], "\(again ?? .null)")
                #expect(try await people["bob"]?.knoc("over")["state"].string == "closed")
                // What happens now goes the usual way again.
                #expect(try await people["bob"]?.change("POST", over)["state"].string == "open")
                try await bobs.until(open: true)
                #expect(try await people["alice"]?.change("DELETE", kept)["state"].string == "closed")
                try await alice.until(open: false)
                for probe in watches + [service] { await probe.stop() }
            }
        }
    }
}
