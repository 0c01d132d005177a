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
                let grant = "/api/v1/me/knocs/\(balanced.knoc)/grant"
                let lost = Clock.now
                try await database.nft(
                    """
                    table inet lost {
                        chain input { type filter hook input priority 0; tcp dport 5432 drop; }
                    }

                    """)
                for name in BalancedSite.names { try await balancer.until(name, is: "DOWN", within: 60) }
                Lab.measured("HAProxy: every node found unwell \(Clock.now - lost) s after the database was lost")
                async let asked = browser.get("/api/v1/me")
                async let page = browser.send("GET", "/", headers: [("Accept", "text/html")])
                async let clicked = browser.send("POST", grant)
                let (refused, shown, unheard) = try await (asked, page, clicked)
                #expect(unheard.status == 503, "\(unheard)")
                let title = refused.json["title"].string
                #expect(refused.status == 503 && title != nil && title != "No node answers", "\(refused)")
                #expect(shown.status == 503 && shown.text.contains("This page tries again by itself"), "\(shown)")
                #expect(shown.header("retry-after") == "2" && shown.header("cache-control") == "no-store", "\(shown)")

                let waiting = Task { try await browser.get("/api/v1/me") }
                let click = Task { try await browser.send("POST", grant + "?wait=5000") }
                try await balancer.until("BACKEND", is: "2", of: "scur", in: "knocknoc_waiting", within: 60)
                try await database.nft("delete table inet lost\n")
                let (served, granted) = (try await waiting.value, try await click.value)
                #expect(served.status == 200, "\(served)")
                #expect([200, 202].contains(granted.status), "\(granted)")
                for name in BalancedSite.names { try await balancer.until(name, is: "UP", within: 60) }
                #expect(try await browser.get("/api/v1/me").status == 200)
                // The click that waited was done once, the one that was refused never.
                let done = try await site.admin.expect(200, "GET", "/api/v1/admin/audit?limit=100")["items"].items
                    .count { $0["action"].string == "grant.create" }
                #expect(done == 1)
            }
        }
    }
}
