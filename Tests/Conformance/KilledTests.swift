import Glibc
import Lab
import Testing

extension WholeSystem {
    /// What the kernel and the state file do when nobody else is there.
    @Suite("killed processes") struct KilledTests {
        @Test(
            "server and agent killed during a grant of five seconds: the kernel closes the port on time",
            .timeLimit(limit), arguments: Topology.allCases, GuardForm.allCases)
        func killed(topology: Topology, form: GuardForm) async throws {
            try await Site.run(topology) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(form, port: 9000), seconds: 5)
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                let before = Clock.now
                #expect(try await client.change("POST", knoc)["state"].string == "open")
                let after = Clock.now
                let alice = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                try await alice.until(open: true)
                try await site.killEverything()
                let closed = try await alice.until(open: false, within: .seconds(8))
                #expect(closed.begun <= after + 5.05, "open \(closed.begun - after - 5) s too long")
                #expect(closed.ended >= before + 3.5, "closed after only \(closed.ended - before) s")
                for probe in [service, alice] { await probe.stop() }
            }
        }

        @Test(
            "servers away and the agent restarted: entries come back with what is left; servers back: the same state",
            .timeLimit(limit))
        func restarted() async throws {
            try await Site.run(.twoNodes) { site in
                let agent = try #require(site.agent)
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let backend = try await site.backend(.guard, port: 9000)
                let knoc = try await site.make(knoc: "service", groups: [group], backend: backend, seconds: 600)
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                let item = try await client.change("POST", knoc)
                #expect(item["state"].string == "open")
                let mallory = try Probe.watch(from: site.mallory, to: site.gateway.ipv4, port: 9000)
                try await mallory.until(open: false)
                // An addition reaches the file a moment after the kernel; without the file it would only close.
                try await site.untilStateFile(holds: site.alice.ipv4)
                for node in site.nodes { await node.stop(SIGKILL) }
                await agent.stop(SIGKILL)
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000))

                // Its members are gone, as after a reboot of the firewall's service; the drop stays.
                try await site.emptyGuardSets()
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000) == false)
                try await agent.start()
                let alice = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                try await alice.until(open: true)

                for node in site.nodes { try await node.start() }
                try await site.untilAgentIsOnline(within: 40)
                let again = try await client.knoc("service")
                #expect(again["state"].string == "open")
                #expect(again["expires_at"] == item["expires_at"])
                #expect(alice.changes.count { !$0.open } <= 1, "Alice was cut: \(alice.changes)")
                #expect(mallory.changes.allSatisfy { !$0.open }, "it was open to Mallory")
                for probe in [service, alice, mallory] { await probe.stop() }
            }
        }

        @Test("a flushed ruleset is back within 100 ms, and Alice's connection lives on", .timeLimit(limit))
        func flushed() async throws {
            try await Site.run(.allInOne) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                #expect(try await client.change("POST", knoc)["state"].string == "open")
                let alice = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                let mallory = try Probe.watch(from: site.mallory, to: site.gateway.ipv4, port: 9000)
                let held = try await Probe.connection(from: site.alice, to: site.gateway.ipv4, port: 9000)
                try await alice.until(open: true)
                try await mallory.until(open: false)
                for _ in 1...3 {
                    let flushed = Clock.now
                    try await site.gateway.run(["nft", "flush", "ruleset"])
                    let ran = Clock.now
                    try await mallory.look(for: .milliseconds(500))
                    #expect(!mallory.isOpen, "open to Mallory since a flush")
                    let closed = mallory.changes.last { !$0.open && $0.begun > flushed }
                    if let closed { #expect(closed.begun - ran < 0.1, "open for \(closed.begun - ran) s") }
                }
                #expect(alice.changes.allSatisfy { $0.open }, "Alice was cut: \(alice.changes)")
                let end = Clock.now - 0.2
                #expect(held.received().contains { $0 > end }, "the established connection was cut")
                for probe in [service, alice, mallory, held] { await probe.stop() }
            }
        }

        @Test("after a reboot the agent's own file closes the port before any server can be asked", .timeLimit(limit))
        func reboot() async throws {
            try await Site.run(.twoNodes) { site in
                let group = try await site.make(group: "staff")
                try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                try await site.untilTargetsApplied("service")
                let rebooted = try await site.another("r", 40)
                let service = try await Probe.service(on: rebooted, port: 9000)
                #expect(try await Probe.isOpen(from: site.alice, to: rebooted.ipv4, port: 9000))
                try await rebooted.run(["nft", "-f", site.guardFile])
                #expect(try await Probe.isOpen(from: site.alice, to: rebooted.ipv4, port: 9000) == false)
                #expect(try await Probe.isOpen(from: site.alice, to: rebooted.ipv6, port: 9000) == false)
                await service.stop()
            }
        }
    }
}
