import Glibc
import Lab
import Testing

extension WholeSystem {
    /// Last one out turns off the lights: nobody cuts or prolongs somebody else.
    @Suite("what is shared") struct SharedTests {
        /// Who ends first.
        enum Order: String, CaseIterable, Sendable { case first, second }

        @Test(
            "two Knocs on one guarded port or one set: it stays open until the last of them ends, in every order",
            .timeLimit(limit), arguments: GuardForm.allCases, Order.allCases)
        func twoKnocs(form: GuardForm, order: Order) async throws {
            try await Site.run(.allInOne) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let backend = try await site.backend(form, port: 9000)
                let knocs = [
                    try await site.make(knoc: "one", groups: [group], backend: backend),
                    try await site.make(knoc: "two", groups: [group], backend: backend),
                ]
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                for knoc in knocs { #expect(try await client.change("POST", knoc)["state"].string == "open") }
                let held = try await Probe.connection(from: site.alice, to: site.gateway.ipv4, port: 9000)
                let ends = order == .first ? knocs : knocs.reversed()

                try await client.change("DELETE", ends[0])
                let stillOpen = Clock.now
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000))
                _ = try await held.process.line(from: held.process.outputLines.count) { $0.contains(" received ") }
                #expect(held.received().contains { $0 > stillOpen }, "the established connection was cut")

                #expect(try await client.change("DELETE", ends[1])["state"].string == "closed")
                let confirmed = Clock.now
                #expect(try await held.bytes(after: confirmed, for: .milliseconds(1000)).isEmpty)
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000) == false)
                for probe in [service, held] { await probe.stop() }
            }
        }

        @Test(
            "two users behind one address: it stays open until the last of them ends, in every order",
            .timeLimit(limit), arguments: Topology.allCases, Order.allCases)
        func twoUsers(topology: Topology, order: Order) async throws {
            try await Site.run(topology) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                let knoc = try await site.make(
                    knoc: "one", groups: [group], backend: try await site.backend(.guard, port: 9000))
                var clients: [WebClient] = []
                for (index, name) in ["alice", "bob"].enumerated() {
                    try await site.make(user: name, groups: [group])
                    let client = try site.nodes[index % site.nodes.count].client(on: site.alice)
                    try await client.signIn(name, Site.password)
                    #expect(try await client.change("POST", knoc)["state"].string == "open")
                    clients.append(client)
                }
                if order == .second { clients.reverse() }
                try await clients[0].expect(204, "POST", "/api/v1/logout")
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000))
                #expect(try await clients[1].knoc("one")["state"].string == "open")
                #expect(try await clients[1].change("DELETE", knoc)["state"].string == "closed")
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000) == false)
                await service.stop()
            }
        }

        @Test(
            "when the longer of two ends, the port closes with the shorter one, by the kernel",
            .timeLimit(limit), arguments: GuardForm.allCases)
        func sharedExpiryShortens(form: GuardForm) async throws {
            try await Site.run(.allInOne) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let backend = try await site.backend(form, port: 9000)
                let long = try await site.make(knoc: "long", groups: [group], backend: backend, seconds: 3600)
                let short = try await site.make(knoc: "short", groups: [group], backend: backend, seconds: 6)
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                try await client.change("POST", long)
                #expect(try await client.change("POST", short)["state"].string == "open")
                let granted = Clock.now
                let alice = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                try await alice.until(open: true)
                try await client.change("DELETE", long)
                #expect(alice.isOpen)
                try await site.killEverything()
                let closed = try await alice.until(open: false, within: .seconds(9))
                #expect(closed.begun <= granted + 6.05, "open \(closed.begun - granted - 6) s too long")
                for probe in [service, alice] { await probe.stop() }
            }
        }

        @Test("disabling a user ends the access, and deleting an agent leaves its guard closed", .timeLimit(limit))
        func administration() async throws {
            try await Site.run(.twoNodes) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                let user = try await site.make(user: "alice", groups: [group])
                try await site.make(user: "bob", groups: [group])
                let knoc = try await site.make(
                    knoc: "one", groups: [group], backend: try await site.backend(.guard, port: 9000))
                let alice = try site.server.client(on: site.alice)
                try await alice.signIn("alice", Site.password)
                try await alice.change("POST", knoc)
                let watch = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                try await watch.until(open: true)
                try await site.admin.expect(200, "PATCH", "/api/v1/admin/users/\(user)", ["disabled": true])
                try await watch.until(open: false)
                #expect(try await alice.get("/api/v1/me").status == 401)

                let bob = try site.server.client(on: site.alice)
                try await bob.signIn("bob", Site.password)
                try await bob.change("POST", knoc)
                try await watch.until(open: true)
                try await site.admin.expect(204, "DELETE", "/api/v1/admin/agents/\(site.agentID)")
                try await watch.until(open: false)
                #expect(try await Probe.isOpen(from: site.mallory, to: site.gateway.ipv4, port: 9000) == false)
                for probe in [service, watch] { await probe.stop() }
            }
        }
    }
}
