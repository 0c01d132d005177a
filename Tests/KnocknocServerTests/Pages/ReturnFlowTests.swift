import Foundation
import HTTPTypes
import KnocknocAccess
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("The way back to where somebody was refused")
struct ReturnFlowTests {
    private static let page = "https://wiki.example/a?b=1&c=%C3%A9"
    private static let query = "?referrer=https%3A%2F%2Fwiki.example%2Fa%3Fb%3D1%26c%3D%25C3%25A9"

    @Test("is kept through sign-in and grant, and shown only where a Knoc of that person's is at the same base URL")
    func kept() async throws {
        try await TestSite.run { site in
            let alice = try await site.makeAlice()
            let browser = PaperBrowser(site)
            try await browser.open("/" + Self.query)
            #expect(browser.path == "/login" + Self.query)
            try await browser.submit("/login", ["username": "alice", "password": "wrong wrong wrong"])
            try await browser.submit("/login", ["username": "alice", "password": TestSite.password])
            #expect(browser.path == "/" + Self.query + "&return=now")
            #expect(
                browser.page.body.contains(
                    "You come from <span class=\"mono\">https://wiki.example</span>, which Wiki opens"))
            #expect(
                browser.page.body.contains("href=\"https://wiki.example/a?b=1&amp;c=%C3%A9\" rel=\"noreferrer\" hidden")
            )
            #expect(browser.page.header("Refresh") == nil)
            try await browser.submit("/knocs/\(alice.knoc)/grant")
            // The agent is not there: nothing is open, and nobody is sent anywhere.
            #expect(browser.path == "/" + Self.query + "&return=now" && browser.page.header("Refresh") == nil)
            try await browser.open("/login" + Self.query)
            #expect(browser.path == "/" + Self.query)
        }
    }

    @Test("is kept where the address has changed, and where the session is over")
    func movedAndOver() async throws {
        try await TestSite.run({ $0.insecureHTTP = true }) { site in
            let alice = try await site.makeAlice()
            let browser = PaperBrowser(site)
            browser.extra = ["X-Forwarded-For": "203.0.113.9"]
            try await browser.signIn("alice")
            browser.extra = ["X-Forwarded-For": "198.51.100.1"]
            try await browser.open("/" + Self.query)
            try await browser.submit("/address")
            #expect(browser.path == "/" + Self.query + "&return=now")
            let sessions = try await site.admin(.get, "/sessions")
            for session in try #require(sessions.json["items"] as? [[String: Any]])
            where session["username"] as? String == "alice" {
                let id = try #require(session["id"] as? String)
                #expect(try await site.admin(.delete, "/sessions/\(id)").status == 204)
            }
            try await browser.submit("/knocs/\(alice.knoc)/grant")
            #expect(browser.path == "/login" + Self.query)
        }
    }

    @Test(
        "leads to nobody else's site",
        arguments: [
            "https://evil.example/", "http://wiki.example/", "https://wiki.example:8443/", "https://wiki.example.evil/",
            "https://wiki.example@evil.example/", "//wiki.example/", "javascript:alert(1)",
            "https://wiki.example\\.evil/",
            "https://wiki.example%2eevil/", "/admin", "https:wiki.example", "https://wiki.example/\r\nX: y",
        ])
    func foreign(_ address: String) async throws {
        try await TestSite.run { site in
            _ = try await site.makeAlice()
            let browser = PaperBrowser(site)
            try await browser.signIn("alice")
            let escaped = address.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            try await browser.open("/?referrer=\(escaped)&return=now")
            #expect(browser.page.status == 200 && browser.page.header("Refresh") == nil)
            #expect(!browser.page.body.contains("You come from <span class=\"mono\">http"))
            #expect(!browser.page.body.contains("evil"))
        }
    }

    @Test("is offered once the Knoc is open, and the card's form brings it along")
    func offered() throws {
        let address = try #require(ReturnAddress("https://wiki.example.com/a?b=\"".replacing("\"", with: "%22")))
        for state in [KnocState.open, .closed, .dryRun] {
            let item = Samples.item(state)
            var page = Samples.portal([item])
            let back = try #require(BackLink(address, among: [item]))
            page.back = back
            #expect(back.isOpen == (state == .open))
            let html = try Renderer().text("portal", page)
            #expect(html.contains("rel=\"noreferrer\" hidden>Go back there") == (state != .open))
        }
        #expect(BackLink(address, among: []) == nil)
        #expect(BackLink(ReturnAddress("https://wiki.example.org/"), among: [Samples.item(.open)]) == nil)
        #expect(BackLink.query(nil) == "")
    }

    @Test("of several Knocs at one site leads to the one with the nearest path, then to one that is open")
    func several() throws {
        func item(_ name: String, _ url: String, _ state: KnocState = .closed) -> KnocItem {
            KnocItem(
                id: KnocID(value: 7), name: name, url: url, grantOn: .click, state: state, expiresAt: nil, reason: nil)
        }
        let knocs = [
            item("other", "https://apps.example/other", .open), item("root", "https://apps.example/", .open),
            item("wiki", "https://apps.example/wiki"), item("wiki too", "https://apps.example/wiki/", .open),
            item("wikipedia", "https://apps.example/wiki/a/b/c", .open),
        ]
        for (address, name) in [
            ("https://apps.example/wiki/a", "wiki too"), ("https://apps.example/wikis", "root"),
            ("https://apps.example/other?x", "other"),
        ] { #expect(BackLink(ReturnAddress(address), among: knocs)?.name == name, "\(address)") }
        #expect(BackLink(ReturnAddress("https://apps.example/wiki"), among: Array(knocs[2...2]))?.name == "wiki")
        #expect(BackLink(ReturnAddress("https://apps.example/"), among: [knocs[0]])?.name == "other")
    }
}
