import Lab
import Testing

extension WholeHosts {
    /// Three nodes, one database, one load balancer; any node may die.
    @Suite("three nodes behind HAProxy") struct ThreeNodesTests {
        static let wanted = 20_000

        @Test(
            "a node that is not let in is refused with the line to type on the first one, and joins after it",
            .timeLimit(limit))
        func joining() async throws {
            try await RackTrait.with { site in
                let site = try await site.threeNodes()
                Lab.measured("three nodes: from one node in \(site.took.rounded()) s")
                // The aim; on one computer, which does the work of all of the hosts.
                #expect(site.took < 600)
                let second = site.nodes[1]
                #expect(site.refusal.contains("exposedb --add \"\(second.ipv4)/32\""), "\(site.refusal)")
                let allowed = try await site.nodes[0].run(["knocker", "exposedb", "--list"]).text
                for node in site.nodes.dropFirst() { #expect(allowed.contains("\(node.ipv4)/32"), "\(allowed)") }
                // Nobody else, the load balancer included.
                #expect(!allowed.contains(site.balancer.ipv4), "\(allowed)")
                for node in site.nodes {
                    #expect(try await node.run(["systemctl", "is-active", "knocknoc.service"]).line == "active")
                    let text = try await node.read("/opt/knocknoc/etc/knocknoc.conf")
                    #expect(!text.contains("knocknoc_key"), "\(node.name) keeps the key where its settings are")
                }
            }
        }

        @Test(
            "200 people at work while each node is killed: nobody is signed out, and what was acknowledged holds",
            .timeLimit(limit))
        func killed() async throws {
            try await RackTrait.with { hosted in
                let site = try await hosted.threeNodes()
                let crew = try await hosted.crew()
                let begun = try await crew.now(at: site)
                let load = try await site.work(crew.people, rate: 220)
                do {
                    var killed: [String: Double] = [:]
                    for node in site.nodes.reversed() {
                        try await load.more(1_500)
                        killed[node.name] = Clock.now
                        try await site.kill(node)
                        try await site.untilAgentHasLeft(node.name)
                        try await load.more(2_000)
                        try await node.boot()
                        try await node.untilHealthy()
                    }
                    try await load.until(Self.wanted)
                    let report = try await load.finish()
                    Lab.measured("three nodes: \(report)\n\(report.failures.map(\.description).joined())")
                    Lab.measured("three nodes: killed: \(killed)")
                    try check(report, site, killed)
                    try await crew.check(report.ledger, at: site, since: begun)
                } catch {
                    let busy = try? await site.nodes[0].sql(
                        """
                        select now() - xact_start, state, wait_event_type, wait_event, client_addr, left(query, 120)
                        from pg_stat_activity
                        where state <> 'idle' and pid <> pg_backend_pid();
                        """)
                    await load.stop()
                    throw LabError("\(error)\nin the database:\n\(busy ?? "it does not answer")")
                }
            }
        }

        private func check(_ report: LoadReport, _ site: ThreeNodes, _ killed: [String: Double]) throws {
            #expect(report.requests >= Self.wanted)
            #expect(report.changes * 5 >= report.requests, "\(report.changes) of \(report.requests) are changes")
            #expect(report.signedOut.isEmpty)
            #expect(report.failures.count * 1000 <= report.requests, "\(report.failures)")
            #expect(Set(report.served.keys) == Set(site.nodes.map(\.name)), "\(report.served)")
            // The cookie keeps everybody at their node until that node dies.
            for move in report.moves {
                let death = try #require(killed[move.from], "\(move.name) left \(move.from), which was never killed")
                #expect(move.at > death && move.at < death + 40, "\(move) at \(move.at), killed at \(death)")
            }
            #expect(Set(report.moves.map(\.from)) == Set(killed.keys))
        }
    }
}
