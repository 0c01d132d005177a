import Lab
import Testing

extension WholeHosts {
    /// The load balancer's host is of another Debian release than the nodes', with another HAProxy.
    @Suite("HAProxy of another Debian release", .rack) struct BalancerReleaseTests {
        @Test(
            "HAProxy 3.0, of Debian trixie: its file is accepted, people keep their node, and nodes come and go under them",
            .timeLimit(limit), .onlyLong)
        func newer() async throws {
            try await WholeHosts.need("trixie")
            try await RackTrait.with { site in
                let rack = site.rack
                let three = try await site.threeNodes()
                let balancer = try await rack.machine("lb-trixie", 31, release: "trixie")
                // The package that was built for the older release.
                try await balancer.installServer()
                for node in three.nodes {
                    try await node.run([
                        "knocknoc-setup", "--non-interactive", "--trusted-forwarders",
                        "\(three.balancer.ipv4)/32,\(balancer.ipv4)/32",
                    ])
                }
                _ = try await balancer.balance(three.nodes, name: ThreeNodes.name)
                let version = try await balancer.run(["haproxy", "-v"]).text
                Lab.measured("load balancer: \(version.split(separator: "\n").first ?? "")")
                #expect(version.contains("version 3.0."), "\(version)")
                let checked = try await balancer.run(["haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"])
                #expect(!(checked.text + checked.errors).contains("[WARNING]"), "\(checked.text)\(checked.errors)")
                try await comeAndGo(three, balancer)
                await rack.scrap([balancer])
            }
        }

        private func comeAndGo(_ three: ThreeNodes, _ balancer: Machine) async throws {
            let user = "traveller"
            try await three.make(user: user, groups: [])
            let browser = try client(three, balancer)
            #expect(try await browser.signInOnPage(user, Site.password).status == 303)
            let me = try await browser.expect(200, "GET", "/api/v1/me")
            #expect(me["session"]["address"].string == three.office.ipv4, "\(me)")
            let cookie = try #require(await browser.cookies()[Machine.cookie])
            let home = try await node(browser)
            for _ in 1...10 { #expect(try await node(browser) == home) }
            #expect(await browser.cookies()[Machine.cookie] == cookie)

            let someone = try client(three, balancer)
            #expect(try await someone.signInOnPage(user, Site.password).status == 303)
            let requests = Task {
                var answered = 0
                while !Task.isCancelled {
                    let answer = try await someone.get("/api/v1/me")
                    guard answer.status == 200 else { throw LabError("after \(answered) requests: \(answer)") }
                    answered += 1
                }
                return answered
            }
            let machine = try #require(three.nodes.first { $0.name == home })
            try await balancer.run(["knocker", "haproxy", "--remove-node", home])
            #expect(try await node(browser) != home)
            try await browser.expect(200, "GET", "/api/v1/me")
            try await balancer.run([
                "knocker", "haproxy", "--node", "\(home)=\(machine.ipv4):\(SingleNode.port)",
            ])
            // Newcomers are shared out over all again.
            let end = Clock.now + 60
            var seen: Set<String> = []
            while seen.count < three.nodes.count, Clock.now < end {
                seen.insert(try await node(try client(three, balancer)))
            }
            #expect(seen == Set(three.nodes.map(\.name)))
            requests.cancel()
            #expect(try await requests.value > 0)
        }

        private func client(_ three: ThreeNodes, _ balancer: Machine) throws -> WebClient {
            try WebClient(on: three.office, base: "https://\(ThreeNodes.name):443", address: balancer.ipv4)
        }

        /// Which node answers.
        private func node(_ client: WebClient) async throws -> String {
            let answer = try await client.expect(200, "GET", "/health")
            guard let name = answer["node"].string else { throw LabError("/health names no node: \(answer)") }
            return name
        }
    }
}
