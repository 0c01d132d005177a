import Lab
import Testing

extension WholeSystem {
    @Suite("behind HAProxy: no node has its database") struct WaitingTests {
        @Test(
            "requests wait at a node that lives: answered where the database is back in time, else refused by the node",
            .timeLimit(limit))
        func waits() async throws {
            try await BalancedSite.run { balanced in
                let (site, balancer) = (balanced.site, balanced.balancer)
                let browser = try await balanced.signedIn()
                let database = try #require(site.postgres).host
                try await database.nft(
                    """
                    table inet lost {
                        chain input { type filter hook input priority 0; tcp dport 5432 drop; }
                    }

                    """)
                for name in BalancedSite.names { try await balancer.until(name, is: "DOWN") }
                async let asked = browser.get("/api/v1/me")
                async let page = browser.send("GET", "/", headers: [("Accept", "text/html")])
                let (refused, shown) = try await (asked, page)
                let title = refused.json["title"].string
                #expect(refused.status == 503 && title != nil && title != "No node answers", "\(refused)")
                #expect(shown.status == 503 && shown.text.contains("This page tries again by itself"), "\(shown)")
                #expect(shown.header("retry-after") == "2" && shown.header("cache-control") == "no-store", "\(shown)")

                let waiting = Task { try await browser.get("/api/v1/me") }
                try await balancer.until("BACKEND", is: "1", of: "scur", in: "knocknoc_waiting")
                try await database.nft("delete table inet lost\n")
                let served = try await waiting.value
                #expect(served.status == 200, "\(served)")
                for name in BalancedSite.names { try await balancer.until(name, is: "UP") }
                #expect(try await browser.get("/api/v1/me").status == 200)
            }
        }
    }
}
