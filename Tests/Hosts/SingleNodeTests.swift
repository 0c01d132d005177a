import Lab
import Testing

extension WholeHosts {
    /// One node, its database on the same host, the agent on another.
    @Suite("a single node") struct SingleNodeTests {
        @Test(
            "installed from packages and by the installer: somebody signs in, and the port opens for them alone",
            .timeLimit(limit))
        func firstGrant() async throws {
            try await RackTrait.with { site in
                let site = try await site.singleNode()
                let begun = Clock.now
                let service = try await site.protect("service", port: 9000)
                let alice = try Probe.watch(from: site.alice, to: site.gate.ipv4, port: 9000)
                let mallory = try Probe.watch(from: site.mallory, to: site.gate.ipv4, port: 9000)
                try await alice.until(open: false)
                try await mallory.until(open: false)
                let browser = try site.browser(on: site.alice)
                #expect(try await browser.signInOnPage("alice", Site.password).status == 303)
                try await alice.until(open: true)
                let took = site.took + Clock.now - begun
                Lab.measured("single node: first grant after \(took.rounded()) s and \(site.answers) answers")
                // The aims.
                #expect(site.answers <= 8)
                #expect(took < 180)
                #expect(try await browser.get("/").text.contains("service"))
                #expect(try await site.gate.members(port: 9000).keys.sorted() == [site.alice.ipv4])
                #expect(mallory.changes.allSatisfy { !$0.open }, "it was open to Mallory")
                // A user of its own with one right, CAP_NET_ADMIN, and nothing to get another by.
                let status = try await site.gate.run([
                    "sh", "-c", "cat /proc/$(systemctl show -P MainPID knocknoc-agent)/status",
                ]).text.split(separator: "\n")
                let user = try await site.gate.run(["id", "-u", "knocknoc-agent"]).line
                #expect(user != "0")
                for line in [
                    "Uid:\t\(user)\t\(user)\t\(user)\t\(user)", "CapEff:\t0000000000001000",
                    "CapBnd:\t0000000000001000",
                    "NoNewPrivs:\t1",
                ] { #expect(status.contains { $0 == line }, "\(line)") }
                for probe in [service, alice, mallory] { await probe.stop() }
            }
        }

        @Test("Postgres is not reachable from outside", .timeLimit(limit))
        func database() async throws {
            try await RackTrait.with { site in
                let site = try await site.singleNode()
                #expect(try await site.web.sql("select 1;") == "1\n")
                // The page is reached from there, so what is refused is refused by Postgres.
                #expect(try await Probe.isOpen(from: site.mallory, to: site.web.ipv4, port: SingleNode.port))
                for address in [site.web.ipv4, site.web.host.ipv6] {
                    #expect(try await Probe.isOpen(from: site.mallory, to: address, port: 5432) == false)
                }
                let listening = try await site.web.run(["ss", "-Hltn", "sport = :5432"]).text
                for line in listening.split(separator: "\n") {
                    #expect(line.contains("127.0.0.1:5432") || line.contains("[::1]:5432"), "\(line)")
                }
            }
        }

        @Test(
            "the agent's host loses its power, with the server away: closed before the network is up, then open again to whom it was, for what was left",
            .timeLimit(limit))
        func reboot() async throws {
            try await RackTrait.with { site in
                let site = try await site.singleNode()
                try await site.gate.listenEarly(on: 9001)
                let knoc = try await site.protect(early: "early", port: 9001, seconds: 600)
                let browser = try site.browser(on: site.alice)
                #expect(try await browser.signIn("alice", Site.password).status == 200)
                #expect(try await browser.change("POST", knoc)["state"].string == "open")
                let before = try #require(try await site.gate.members(port: 9001)[site.alice.ipv4])
                let granted = Clock.now
                try await site.untilRemembered(site.alice.ipv4)
                try await site.web.run(["systemctl", "stop", "knocknoc.service"])
                let mallory = try Probe.watch(from: site.mallory, to: site.gate.ipv4, port: 9001)
                let alice = try Probe.watch(from: site.alice, to: site.gate.ipv4, port: 9001)
                try await alice.until(open: true)

                try await site.gate.powerOff()
                try await alice.until(open: false)
                try await site.gate.boot()
                try await alice.until(open: true, within: .seconds(60))
                #expect(mallory.changes.allSatisfy { !$0.open }, "it was open to Mallory")
                let after = try #require(try await site.gate.members(port: 9001)[site.alice.ipv4])
                let gone = Clock.now - granted
                #expect(after <= before - gone + 2, "\(before) s were left, \(gone) s have gone, \(after) s are left")
                #expect(after > before - gone - 30, "\(before) s were left, \(gone) s have gone, \(after) s are left")
                #expect(try await site.gate.guards().values.allSatisfy { $0[site.mallory.ipv4] == nil })
                // What the guard went in before is there, and is what would have shown a gap.
                let order = try await site.gate.bootOrder()
                #expect(order.guarded < order.network, "\(order)")
                #expect(order.listening < order.network, "\(order)")

                try await site.web.run(["systemctl", "start", "knocknoc.service"])
                try await site.web.untilHealthy()
                try await site.untilAgentIsOnline()
                #expect(try await browser.change("DELETE", knoc)["state"].string == "closed")
                try await alice.until(open: false)
                for probe in [alice, mallory] { await probe.stop() }
            }
        }
    }
}
