import Lab
import Testing

extension WholeHosts {
    /// Three nodes, one database, one load balancer; any node may die.
    @Suite("three nodes behind HAProxy") struct ThreeNodesTests {
        static let wanted = 20_000

        @Test(
            "200 people at work while each node is killed: nobody is signed out, and what was acknowledged holds",
            .timeLimit(limit))
        func killed() async throws {
            try await RackTrait.with { site in
                let site = try await site.threeNodes()
                let crew = try await Crew.hire(at: site)
                let load = try await Load.start(
                    on: site.office, crew.people, at: site.balancer.ipv4, name: ThreeNodes.name,
                    certificate: site.certificate, rate: 220, changes: 0.3, cookie: HAProxyByHand.cookie)
                do {
                    var killed: [String: Double] = [:]
                    for node in site.nodes.reversed() {
                        try await load.more(1_500)
                        killed[node.name] = Clock.now
                        if node.name == "web1" {
                            // The database is on this host: its server alone dies, and systemd starts it again.
                            try await node.run(["systemctl", "kill", "-s", "KILL", "knocknoc.service"])
                        } else {
                            await node.kill()
                        }
                        try await site.untilAgentHasLeft(node.name)
                        try await load.more(2_000)
                        try await node.boot()
                        try await node.untilHealthy()
                    }
                    try await load.until(Self.wanted)
                    let report = try await load.finish()
                    print("three nodes: \(report)\n\(report.failures.map(\.description).joined())killed: \(killed)")
                    try await check(report, crew, site, killed)
                } catch {
                    await load.stop()
                    throw error
                }
            }
        }

        private func check(
            _ report: LoadReport, _ crew: Crew, _ site: ThreeNodes, _ killed: [String: Double]
        ) async throws {
            #expect(report.requests >= Self.wanted)
            #expect(report.changes * 5 >= report.requests, "\(report.changes) of \(report.requests) are changes")
            #expect(report.signedOut.isEmpty)
            #expect(report.failures.count * 1000 <= report.requests, "\(report.failures)")
            #expect(Set(report.served.keys) == Set(site.nodes.map(\.name)), "\(report.served)")
            // The cookie keeps everybody at their node until that node dies.
            for move in report.moves {
                let death = try #require(killed[move.from], "\(move.name) left \(move.from), which was never killed")
                #expect(move.at > death && move.at < death + 15, "\(move) at \(move.at), killed at \(death)")
            }
            #expect(Set(report.moves.map(\.from)) == Set(killed.keys))
            try await crew.check(report.ledger, at: site)
        }
    }
}
