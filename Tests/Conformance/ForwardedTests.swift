import Lab
import Testing

extension WholeSystem {
    /// Which address is the client's, and what a stranger may not make of it.
    @Suite("spoofing") struct ForwardedTests {
        /// Ten shapes in which somebody may claim to be at Alice's address, 10.77.0.2.
        static let spoofs: [[(String, String)]] = [
            [("X-Forwarded-For", "10.77.0.2")],
            [("X-Forwarded-For", "10.77.0.2, 10.77.0.2")],
            [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "10.77.0.2")],
            [("X-Forwarded-For", "10.77.0.2"), ("X-Forwarded-For", "10.77.0.1")],
            [("X-Forwarded-For", "::ffff:10.77.0.2")],
            [("X-Forwarded-For", "10.77.0.2:4711")],
            [("X-Forwarded-For", "\"10.77.0.2\", unknown")],
            [("Forwarded", "for=10.77.0.2;proto=https")],
            [("X-Real-IP", "10.77.0.2"), ("X-Client-IP", "10.77.0.2"), ("True-Client-IP", "10.77.0.2")],
            [("X-Forwarded-For", "127.0.0.1, 10.77.0.2, 127.0.0.1")],
        ]

        @Test("ten shapes of a spoofed X-Forwarded-For open nothing for the address they name", .timeLimit(limit))
        func spoofed() async throws {
            try await Site.run(.allInOne) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "mallory", groups: [group])
                try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000),
                    on: "sign_in")
                try await site.untilTargetsApplied("service")
                let body: JSON = ["username": "mallory", "password": .string(Site.password)]
                for headers in Self.spoofs {
                    let client = try site.server.client(on: site.mallory)
                    let answer = try await client.send(
                        "POST", "/api/v1/login", headers: headers, body: body.description)
                    #expect(answer.status == 200, "\(headers): \(answer)")
                    await client.use(token: answer.json["token"].string)
                    let address = try await client.expect(200, "GET", "/api/v1/me")["session"]["address"]
                    #expect([.string(site.mallory.ipv4), .null].contains(address), "\(headers)")
                    let open = try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000)
                    #expect(!open, "\(headers) opened the port for Alice")
                    try await client.expect(204, "POST", "/api/v1/logout")
                }
                await service.stop()
            }
        }

        @Test("a trusted forwarder is believed, but only for the last hop that it saw itself", .timeLimit(limit))
        func forwarder() async throws {
            try await Site.run(.allInOne, environment: ["KNOCKNOC_TRUSTED_FORWARDERS": "10.77.0.30/32"]) { site in
                let proxy = try await site.another("p", 30)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                let body: JSON = ["username": "alice", "password": .string(Site.password)]
                for (value, expected) in [
                    ("10.77.0.2", JSON.string(site.alice.ipv4)),
                    ("10.77.0.2, 10.77.0.3", .string(site.mallory.ipv4)),
                    ("10.77.0.2, 10.77.0.3, 10.77.0.30", .string(site.mallory.ipv4)),
                    ("fd77::2", .string(site.alice.ipv6)), ("10.77.0.2, nonsense", .null), ("10.77.0.30", .null),
                ] {
                    let client = try site.server.client(on: proxy)
                    let headers = [("X-Forwarded-For", value), ("X-Forwarded-Proto", "https")]
                    let answer = try await client.send(
                        "POST", "/api/v1/login", headers: headers, body: body.description)
                    await client.use(token: answer.json["token"].string)
                    let me = try await client.send("GET", "/api/v1/me", headers: headers)
                    let session = me.json["session"]
                    if expected == .null {
                        #expect(session["address_reason"].string?.isEmpty == false, "\(value): \(answer) \(me)")
                        let path = "/api/v1/me/knocs/\(knoc)/grant"
                        let granted = try await client.send("POST", path, headers: headers)
                        #expect(granted.status == 403, "\(value): \(granted)")
                        #expect(try await client.knoc("service")["state"].string != "open")
                    } else {
                        #expect(session["address"] == expected, "\(value): \(answer) \(me)")
                        #expect(session["address_reason"] == .null, "\(value): \(answer) \(me)")
                    }
                }
            }
        }

        @Test("a form with a stolen cookie, a foreign origin or somebody else's token is refused", .timeLimit(limit))
        func stolenForm() async throws {
            try await Site.run(.allInOne) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                try await site.make(user: "mallory", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                let alice = try site.server.client(on: site.alice)
                let mallory = try site.server.client(on: site.mallory)
                for (client, name) in [(alice, "alice"), (mallory, "mallory")] {
                    #expect(try await client.signInOnPage(name, Site.password).status == 303)
                }
                let own = try #require(try await alice.get("/").input("csrf"))
                let foreign = try #require(try await mallory.get("/").input("csrf"))
                let path = "/knocs/\(knoc)/grant"
                #expect(try await alice.submit(path, [("csrf", own)], origin: "https://evil.example").status == 403)
                #expect(try await alice.submit(path, []).status == 403)
                #expect(try await alice.submit(path, [("csrf", foreign)]).status == 403)
                #expect(try await alice.submit(path, [("csrf", "")]).status == 403)
                let api = "/api/v1/me/knocs/\(knoc)/grant"
                #expect(try await alice.send("POST", api).status == 403)
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000) == false)
                #expect(try await alice.submit(path, [("csrf", own)]).status == 303)
                let watch = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                try await watch.until(open: true)
                for probe in [service, watch] { await probe.stop() }
            }
        }
    }
}
