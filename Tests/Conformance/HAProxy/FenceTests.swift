import Lab
import Testing

extension WholeSystem {
    @Suite("behind HAProxy: the fence") struct FenceTests {
        @Test(
            "a flood of wrong passwords is stopped at every HAProxy, an office that signs in rightly at none",
            .timeLimit(limit))
        func flood() async throws {
            try await BalancedSite.run { balanced in
                let (site, first) = (balanced.site, balanced.balancer)
                let second = try LoadBalancer(on: try await site.another("k", 41), name: "lb-2")
                let peers = ["--peer", "lb-1=10.77.0.40:10000", "--peer", "lb-2=10.77.0.41:10000"]
                let nodes = balanced.nodes.flatMap { ["--node", $0] }
                let nameless = try await second.knocker(
                    ["--init", "--peer", "a=10.77.0.40:10000", "--peer", "b=10.77.0.41:10000"] + nodes)
                #expect(nameless.status == 78 && nameless.errors.contains("no --peer is named lb-2"), "\(nameless)")
                try await second.change(["--init"] + nodes + peers)
                try await second.start()
                let told = try await first.change(peers)
                #expect(told.text.contains("TrustedForwarders = 10.77.0.40/32, 10.77.0.41/32"), "\(told.text)")

                // 250 sign-ins at more than 500 a minute from one address, some of them mistyped.
                let office = try await Flood.run(
                    from: site.alice, to: first.host.ipv4, password: Site.password, wrongEvery: 20, count: 250)
                #expect(office.fenced == 0 && office.throttled == 0, "\(office)")
                #expect(office.succeeded >= 230 && office.perMinute > 500, "\(office)")

                // From a network of his own, since nodes count networks too.
                let attack = try await Flood.run(
                    from: site.mallory, to: first.host.ipv6, password: "wrong", wrongEvery: 1, count: 400)
                #expect(attack.fenced > 0 && attack.succeeded == 0, "\(attack)")
                // At the other HAProxy it has come to the fence too.
                let elsewhere = try await Flood.run(
                    from: site.mallory, to: second.host.ipv6, password: "wrong", wrongEvery: 1, count: 10)
                #expect(elsewhere.fenced == 10, "\(elsewhere)")
                // Nobody else has.
                for balancer in [first, second] {
                    #expect(try await balanced.signedIn(at: balancer).get("/api/v1/me").status == 200)
                }
                await second.remove()
            }
        }
    }
}
