import Glibc
import Lab
import Testing

extension WholeSystem {
    /// The main job: sign in, the port opens for you alone, and closes.
    @Suite("sign in, the port opens for you alone, and closes") struct FirstGrantTests {
        @Test(
            "signing in on the page opens the port for Alice within a second and for nobody else; signing out closes it",
            .timeLimit(limit), arguments: Topology.allCases, GuardForm.allCases)
        func page(topology: Topology, form: GuardForm) async throws {
            try await Site.run(topology) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(form, port: 9000), on: "sign_in")
                try await site.untilTargetsApplied("service")
                let alice = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                let mallory = try Probe.watch(from: site.mallory, to: site.gateway.ipv4, port: 9000)
                try await alice.until(open: false)
                try await mallory.until(open: false)

                let browser = try site.server.client(on: site.alice)
                let begun = Clock.now
                let answer = try await browser.signInOnPage("alice", Site.password)
                #expect(answer.status == 303, "\(answer)")
                let opened = try await alice.until(open: true)
                #expect(opened.ended - begun < 1.5, "the form and the opening took \(opened.ended - begun) s")
                let portal = try await browser.get("/")
                #expect(portal.status == 200 && portal.text.contains("service"), "\(portal)")

                let held = try await Probe.connection(from: site.alice, to: site.gateway.ipv4, port: 9000)
                let csrf = try #require(portal.input("csrf"))
                let out = try await browser.submit("/logout", [("csrf", csrf)])
                #expect(out.status == 303, "\(out)")
                try await alice.until(open: false)
                let closed = Clock.now
                let late = try await held.bytes(after: closed + 0.2, for: .milliseconds(1500))
                #expect(late.isEmpty, "bytes still reached Alice")
                let lateThere = service.received(from: site.alice.ipv4).filter { $0 > closed + 0.25 }
                #expect(lateThere.isEmpty, "Alice's bytes still reached the service")
                #expect(mallory.changes.allSatisfy { !$0.open }, "it was open to Mallory")
                for probe in [service, alice, mallory, held] { await probe.stop() }
            }
        }

        @Test(
            "a click over the API opens, a confirmed revoke leaves no byte on the established connection",
            .timeLimit(limit), arguments: Topology.allCases, GuardForm.allCases)
        func api(topology: Topology, form: GuardForm) async throws {
            try await Site.run(topology) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(form, port: 9000))
                let client = try site.server.client(on: site.alice)
                #expect(try await client.signIn("alice", Site.password).status == 200)
                #expect(try await client.knoc("service")["state"].string == "closed")
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000) == false)

                let granted = try await client.change("POST", knoc)
                #expect(granted["state"].string == "open", "\(granted)")
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000))
                #expect(try await Probe.isOpen(from: site.mallory, to: site.gateway.ipv4, port: 9000) == false)

                let held = try await Probe.connection(from: site.alice, to: site.gateway.ipv4, port: 9000)
                let revoked = try await client.change("DELETE", knoc)
                let confirmed = Clock.now
                #expect(revoked["state"].string == "closed", "\(revoked)")
                #expect(try await held.bytes(after: confirmed, for: .milliseconds(1500)).isEmpty)
                #expect(service.received(from: site.alice.ipv4).filter { $0 > confirmed + 0.05 }.isEmpty)
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000) == false)
                for probe in [service, held] { await probe.stop() }
            }
        }

        @Test("the whole way works over IPv6, and opens only the address of that family", .timeLimit(limit))
        func ipv6() async throws {
            try await Site.run(.allInOne) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                let client = try site.server.client(on: site.alice, family6: true)
                #expect(try await client.signIn("alice", Site.password).status == 200)
                let me = try await client.expect(200, "GET", "/api/v1/me")
                #expect(me["session"]["address"].string == site.alice.ipv6)
                #expect(try await client.change("POST", knoc)["state"].string == "open")
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv6, port: 9000))
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000) == false)
                #expect(try await Probe.isOpen(from: site.mallory, to: site.gateway.ipv6, port: 9000) == false)
                let held = try await Probe.connection(from: site.alice, to: site.gateway.ipv6, port: 9000)
                #expect(try await client.change("DELETE", knoc)["state"].string == "closed")
                #expect(try await held.bytes(after: Clock.now, for: .milliseconds(1000)).isEmpty)
                for probe in [service, held] { await probe.stop() }
            }
        }
    }
}
