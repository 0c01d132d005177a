import Lab
import Testing

extension WholeHosts {
    @Suite("HAProxy on its host") struct ThreeNodesBalancerTests {
        @Test(
            "reloaded and restarted while people work: everybody stays at their node, counted there; a reload fails no request",
            .timeLimit(limit))
        func restarted() async throws {
            try await RackTrait.with { hosted in
                let site = try await hosted.threeNodes()
                let crew = try await hosted.crew()
                let visitors = try await signedIn(crew.people.prefix(6), at: site)
                let begun = try await crew.now(at: site)
                let load = try await site.work(Array(crew.people.suffix(40)), rate: 60)
                do {
                    try await visit(visitors, at: site)
                    try await site.balancer.run(["systemctl", "reload", "haproxy.service"])
                    try await load.more(300)
                    try await visit(visitors, at: site)
                    let before = Clock.now
                    try await site.balancer.run(["systemctl", "restart", "haproxy.service"])
                    let after = Clock.now
                    try await load.more(300)
                    try await visit(visitors, at: site)
                    let report = try await load.finish()
                    Lab.measured("HAProxy restarted in \(after - before) s: \(report)")
                    for failure in report.failures {
                        let isDue = failure.at > before && failure.at < after + 5
                        #expect(isDue, "\(failure)restarted at \(before), \(after)")
                    }
                    #expect(report.signedOut.isEmpty)
                    #expect(report.moves.isEmpty, "\(report.moves)")
                    #expect(report.served.count == site.nodes.count, "\(report.served)")
                    try await crew.check(report.ledger, at: site, since: begun, atLeast: 5)
                } catch {
                    await load.stop()
                    throw error
                }
                #expect(Set(visitors.map(\.node)) == Set(site.nodes.map(\.name)))
            }
        }

        private struct Visitor {
            let client: WebClient
            /// The one that the cookie names.
            let node: String
        }

        private func signedIn(_ people: ArraySlice<Load.Person>, at site: ThreeNodes) async throws -> [Visitor] {
            var visitors: [Visitor] = []
            for person in people {
                let client = try WebClient(
                    on: site.office, base: "https://\(ThreeNodes.name):443", address: site.balancer.ipv4)
                let answer = try await client.signInOnPage(person.name, Site.password)
                let cookies = await client.cookies()
                guard answer.status == 303, let node = cookies[Machine.cookie] else {
                    throw LabError("\(person.name) cannot sign in: \(answer)")
                }
                visitors.append(Visitor(client: client, node: node))
            }
            return visitors
        }

        /// Everybody looks at their page five times, and the nodes say how many requests came to each.
        private func visit(_ visitors: [Visitor], at site: ThreeNodes) async throws {
            var expected = try await counts(at: site)
            for visitor in visitors {
                for _ in 1...5 {
                    let page = try await visitor.client.get("/")
                    guard page.status == 200 else { throw LabError("\(visitor.node): \(page)") }
                }
                expected[visitor.node, default: 0] += 5
                #expect(await visitor.client.cookies()[Machine.cookie] == visitor.node)
            }
            var seen = try await counts(at: site)
            let end = Clock.now + 60
            while seen != expected, Clock.now < end { seen = try await counts(at: site) }
            #expect(seen == expected)
        }

        /// How many times each node has shown the portal, by its own log.
        private func counts(at site: ThreeNodes) async throws -> [String: Int] {
            var counts: [String: Int] = [:]
            for node in site.nodes {
                let text = try await node.shell(
                    "journalctl --sync; journalctl -q -o cat -u knocknoc.service | grep -c ' path=/ ' || true")
                counts[node.name] = Int(text.split(whereSeparator: \.isNewline).first ?? "")
            }
            return counts
        }
    }
}
