import Glibc
import Lab
import Testing

extension WholeSystem {
    @Suite("behind HAProxy: sessions") struct PersistenceTests {
        @Test(
            "a browser stays at its node; when that is killed the same session goes on at the other, grants untouched",
            .timeLimit(limit))
        func killed() async throws {
            try await BalancedSite.run { balanced in
                let (site, knoc) = (balanced.site, balanced.knoc)
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let browser = try await balanced.signedIn()
                let mine = try await balanced.node(of: browser)
                for _ in 1...20 { #expect(try await browser.get("/api/v1/me").status == 200) }
                #expect(await balanced.requests("/api/v1/me") == (mine == 0 ? [20, 0] : [0, 20]))
                // Without a cookie nobody is kept anywhere.
                for _ in 1...10 {
                    let fresh = try balanced.balancer.client(on: site.alice)
                    await fresh.use(token: await browser.token)
                    #expect(try await fresh.get("/api/v1/me/knocs").status == 200)
                }
                #expect(await balanced.requests("/api/v1/me/knocs") == [5, 5])

                #expect(try await browser.change("POST", knoc)["state"].string == "open")
                let watch = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                try await watch.until(open: true)
                await site.nodes[mine].stop(SIGKILL)
                let answer = try await browser.get("/api/v1/me")
                #expect(answer.status == 200 && answer.json["user"]["username"].string == "alice", "\(answer)")
                #expect(try await balanced.node(of: browser) == 1 - mine)
                try await balanced.balancer.until(BalancedSite.names[mine], is: "DOWN")
                #expect(try await browser.knoc("service")["state"].string == "open")
                #expect(watch.changes.allSatisfy { $0.open }, "it was closed: \(watch.changes)")
                // The other dies too: a page of our own says so, and what reads JSON gets JSON.
                await site.nodes[1 - mine].stop(SIGKILL)
                for backend in ["knocknoc_pages", "knocknoc_links"] {
                    for name in BalancedSite.names { try await balanced.balancer.until(name, is: "DOWN", in: backend) }
                }
                let page = try await browser.get("/")
                #expect(page.status == 503 && page.header("retry-after") == "2", "\(page)")
                #expect(page.text.contains("This page tries again by itself"), "\(page)")
                let problem = try await browser.get("/api/v1/me")
                #expect(problem.status == 503 && problem.json["title"].string == "No node answers", "\(problem)")
                for node in site.nodes { try await node.start() }
                try await balanced.balancer.until("web-1", is: "UP")
                try await balanced.balancer.until("web-2", is: "UP")
                #expect(try await browser.get("/api/v1/me").status == 200)
                for probe in [service, watch] { await probe.stop() }
            }
        }

        @Test(
            "the client's address is the one that HAProxy saw, whatever the client says; updates and links pass",
            .timeLimit(limit))
        func through() async throws {
            try await BalancedSite.run { balanced in
                let (site, knoc) = (balanced.site, balanced.knoc)
                let body: JSON = ["username": "alice", "password": .string(Site.password)]
                for headers in ForwardedTests.spoofs {
                    let client = try balanced.balancer.client(on: site.mallory)
                    let answer = try await client.send(
                        "POST", "/api/v1/login", headers: headers + [("X-Forwarded-Proto", "http")],
                        body: body.description)
                    #expect(answer.status == 200, "\(headers): \(answer)")
                    await client.use(token: answer.json["token"].string)
                    let session = try await client.expect(200, "GET", "/api/v1/me")["session"]
                    #expect(session["address"].string == site.mallory.ipv4, "\(headers): \(session)")
                    #expect(session["address_reason"] == .null, "\(headers): \(session)")
                }
                let browser = try balanced.balancer.client(on: site.alice)
                let signedIn = try await browser.signInOnPage("alice", Site.password)
                #expect(signedIn.status == 303, "\(signedIn)")
                let cookies = signedIn.headers["set-cookie"] ?? []
                #expect(cookies.contains { $0.hasPrefix("__Host-knocknoc=") }, "\(cookies)")
                let met = try await balanced.balancer.client(on: site.alice).get("/login")
                try check((met.headers["set-cookie"] ?? []).first { $0.hasPrefix("__Host-knocknoc-node=") } ?? "none")
                try await check(balanced.balancer, from: site.mallory)
                let six = try await balanced.signedIn(on: site.alice)
                let token = try #require(await six.token)

                // An agent's link through HAProxy, held by its heartbeats, at another node when its own is killed.
                let agent = try #require(site.agent)
                await agent.stop(SIGTERM)
                let shown = try await Shell.check([
                    "openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in",
                    balanced.balancer.root + "/opt/knocknoc/etc/tls/haproxy.pem",
                ]).text
                await agent.set("KNOCKNOC_AGENT_SERVER_URL", "https://\(balanced.balancer.host.ipv4)")
                await agent.set(
                    "KNOCKNOC_AGENT_TLS_FINGERPRINT",
                    String(shown.split(separator: "=").last?.filter { !$0.isWhitespace } ?? ""))
                try await balanced.balancer.change(["--drain", "web-1"])
                try await agent.start()
                try await site.untilAgentIs(at: site.nodes[1].host.namespace)
                try await balanced.balancer.change(["--ready", "web-1"])

                let stream = try Stream(from: site.alice, to: balanced.balancer.host.ipv4, token: token)
                try await stream.line(holding: "retry:")
                #expect(try await six.change("POST", knoc)["state"].string == "open")
                try await stream.line(holding: "\"open\"")
                try await stream.heartbeat()

                await site.nodes[1].stop(SIGKILL)
                try await site.untilAgentIs(at: site.nodes[0].host.namespace)
                #expect(try await six.change("DELETE", knoc)["state"].string == "closed")
                await stream.stop()
                // Plain HTTP leads to TLS.
                let plain = try await site.alice.run(["curl", "-sSI", "http://\(balanced.balancer.host.ipv4)/a?b=c"])
                #expect(plain.text.contains("308") && plain.text.contains("location: https://"), "\(plain.text)")
                #expect(plain.text.contains("/a?b=c"))
            }
        }

        /// The cookie by which a browser keeps its node is the browser's alone.
        private func check(_ cookie: String) throws {
            let words = cookie.split(separator: ";").dropFirst().map { $0.drop { $0 == " " }.lowercased() }
            for word in ["path=/", "httponly", "secure", "samesite=lax"] { #expect(words.contains(word), "\(cookie)") }
            #expect(!words.contains { $0.hasPrefix("domain") }, "\(cookie)")
        }

        /// What HAProxy was told about itself: who may command it, how old TLS may be, how long it waits.
        private func check(_ balancer: LoadBalancer, from client: Host) async throws {
            let socket = try await Shell.check(["stat", "-c", "%a %U %G", balancer.socket]).text
            #expect(socket == "660 root haproxy\n")
            for (version, isServed) in [("-tls1", false), ("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
                // A client that would take anything: it is the server that refuses.
                let answer = try await Shell.run(
                    client.inside([
                        "openssl", "s_client", "-connect", "\(balancer.host.ipv4):443", version, "-cipher",
                        "ALL:@SECLEVEL=0",
                    ]))
                let said = answer.text + answer.errors
                #expect((answer.status == 0) == isServed, "\(version): \(said)")
                #expect(said.contains("alert protocol version") == !isServed, "\(version): \(said)")
            }
            let lines = try balancer.text().split(separator: "\n").map { $0.drop { $0 == " " } }
            for line in [
                "timeout http-request 10s", "timeout client 60s", "timeout server 60s", "timeout tunnel 30s",
            ] {
                #expect(lines.count { $0 == line } == 1, "\(line)")
            }
        }
    }
}
