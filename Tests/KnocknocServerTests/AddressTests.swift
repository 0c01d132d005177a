import Foundation
import HTTPTypes
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("the addresses of a signed-in browser")
struct AddressTests {
    private static let (home, road) = (from("203.0.113.9"), from("198.51.100.4"))

    private static func from(_ address: String) -> [String: String] {
        ["X-Forwarded-For": address, "X-Forwarded-Proto": "https"]
    }

    private static func session(_ answer: Answer) -> [String: Any] { answer.json["session"] as? [String: Any] ?? [:] }

    private static func addresses(_ answer: Answer) -> [String] {
        (session(answer)["addresses"] as? [[String: Any]] ?? []).compactMap { $0["address"] as? String }
    }

    private func run(_ body: @Sendable @escaping (TestSite) async throws -> Void) async throws {
        try await TestSite.run(
            {
                $0.publicURL = WebOrigin("https://door.example")
                $0.probeURLs = ["https://v4.door.example", "https://v6.door.example:8443"].compactMap(WebOrigin.init)
            }, body)
    }

    @Test("me tells of a change, and a POST with the token of the session takes it")
    func move() async throws {
        try await run { site in
            let alice = try await site.makeAlice(grantOn: "sign_in", signInHeaders: Self.home)
            let bearer = alice.bearer.merging(Self.road) { $1 }
            let me = try await site.get("/api/v1/me", headers: bearer)
            #expect(Self.addresses(me) == ["203.0.113.9"])
            let change = try #require(Self.session(me)["address_change"] as? [String: Any])
            #expect(change["address"] as? String == "198.51.100.4" && change["ask"] as? Bool == false)
            let cookie = Self.road.merging(["Cookie": "__Host-knocknoc=\(alice.token)"]) { $1 }
            let own = cookie.merging(["Sec-Fetch-Site": "same-origin"]) { $1 }
            #expect(try await site.post("/api/v1/me/addresses", headers: own).status == 403)
            let token = own.merging(["X-CSRF-Token": alice.csrf]) { $1 }
            let moved = try await site.post("/api/v1/me/addresses", headers: token)
            #expect(moved.status == 200, "\(moved.body)")
            #expect(Self.addresses(moved) == ["203.0.113.9", "198.51.100.4"])
            #expect(Self.session(moved)["address_change"] is NSNull)
            let grants = try await site.admin(.get, "/grants?live=true").items
            #expect(Set(grants.compactMap { $0["address"] as? String }) == ["203.0.113.9", "198.51.100.4"])
            #expect(Set(grants.compactMap { $0["expires_at"] as? String }).count == 1)
            let sessions = try await site.admin(.get, "/sessions?live=true").items
            #expect(sessions.contains { ($0["addresses"] as? [Any])?.count == 2 })
            let bad = try await site.post("/api/v1/me/addresses", #"{"pasword":"x"}"#, headers: bearer)
            #expect(bad.status == 400)
        }
    }

    @Test("without scripts a button does it; after many moves it asks for the password")
    func form() async throws {
        try await TestSite.run({ $0.insecureHTTP = true }) { site in
            _ = try await site.makeAlice(grantOn: "sign_in")
            let browser = PaperBrowser(site)
            browser.extra = ["X-Forwarded-For": "203.0.113.9"]
            try await browser.signIn("alice")
            #expect(!browser.page.body.contains("action=\"/address\""))
            for number in 1...6 {
                browser.extra = ["X-Forwarded-For": "198.51.100.\(number)"]
                try await browser.open("/")
                #expect(
                    browser.page.body.contains("You come from <span class=\"mono\">198.51.100.\(number)</span> now"))
                try await browser.submit("/address")
                #expect(browser.path == "/" && !browser.page.body.contains("action=\"/address\""))
            }
            browser.extra = ["X-Forwarded-For": "198.51.100.7"]
            try await browser.open("/")
            #expect(browser.page.body.contains("data-asks"))
            try await browser.submit("/address", ["password": "wrong wrong"])
            #expect(browser.page.status == 409 && browser.page.body.contains("The password does not fit."))
            try await browser.submit("/address", ["password": TestSite.password])
            #expect(browser.page.status == 200 && !browser.page.body.contains("data-asks"))
        }
    }

    @Test("a browser shows its other address at a ProbeURL, by a token that counts once")
    func probe() async throws {
        try await run { site in
            let alice = try await site.makeAlice(grantOn: "sign_in", signInHeaders: Self.home)
            let issued = try await site.post("/api/v1/me/probes", headers: alice.bearer.merging(Self.home) { $1 })
            #expect(issued.status == 201)
            #expect(
                issued.items.compactMap { $0["url"] as? String } == [
                    "https://v4.door.example/api/v1/probe", "https://v6.door.example:8443/api/v1/probe",
                ])
            let token = try #require(issued.items.last?["token"] as? String)
            let six = Self.from("2001:db8::9")
            func show(_ token: String, _ headers: [String: String], host: String = "v6.door.example:8443") async throws
                -> Answer
            {
                try await site.send(.post, "/api/v1/probe", #"{"token":"\#(token)"}"#, headers: headers, host: host)
            }
            let foreign = try await show(token, six.merging(["Origin": "https://evil.example"]) { $1 })
            #expect(foreign.status == 403)
            let page = six.merging(["Origin": "https://door.example", "Sec-Fetch-Site": "same-site"]) { $1 }
            let shown = try await show(token, page)
            #expect(shown.status == 200 && shown.text("address") == "2001:db8::9", "\(shown.body)")
            #expect(shown.header("Access-Control-Allow-Origin") == "https://door.example")
            #expect(shown.header("Access-Control-Allow-Credentials") == nil)
            #expect(shown.cookies.isEmpty)
            let replayed = try await show(token, page)
            #expect(replayed.status == 401)
            #expect(replayed.header("Access-Control-Allow-Origin") == "https://door.example")
            let me = try await site.get("/api/v1/me", headers: alice.bearer.merging(Self.home) { $1 })
            #expect(Self.addresses(me) == ["203.0.113.9", "2001:db8::9"])
            // Of that name nothing else is served: no page, no cookie, no sign-in.
            for path in ["/", "/login", "/api/v1/me", "/admin/login", "/api/v1/ping"] {
                #expect(try await site.send(.get, path, host: "v4.door.example").status == 421, "\(path)")
            }
            #expect(try await site.send(.get, "/health", host: "v4.door.example").status == 200)
            // A session's token is no token for this.
            #expect(try await show(alice.token, page).status == 401)
        }
    }

    @Test("pages may ask at ProbeURLs and nowhere else; a site without them has none")
    func policy() async throws {
        try await run { site in
            let policy = try #require(try await site.get("/login").header("Content-Security-Policy"))
            #expect(policy.contains("connect-src 'self' https://v4.door.example https://v6.door.example:8443;"))
        }
        try await TestSite.run { (site: TestSite) async throws in
            let alice = try await site.makeAlice()
            let policy = try #require(try await site.get("/login").header("Content-Security-Policy"))
            #expect(policy.contains("connect-src 'self';"))
            let issued = try await site.post("/api/v1/me/probes", headers: alice.bearer)
            #expect(issued.status == 201 && issued.items.isEmpty)
            #expect(try await site.post("/api/v1/probe", #"{"token":"x"}"#).status == 404)
        }
    }

    @Test("the administrator sees on each page who shares an address")
    func shared() async throws {
        try await run { site in
            let alice = try await site.makeAlice(grantOn: "sign_in", signInHeaders: Self.home)
            let user = try await site.admin(
                .post, "/users",
                #"{"username":"bob","password":"\#(TestSite.password)","group_ids":["\#(alice.group)"]}"#)
            #expect(try await site.login("bob", headers: Self.home).status == 200)
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            for path in ["/admin/grants", "/admin/knocs/\(alice.knoc)"] {
                try await browser.open(path)
                #expect(
                    browser.page.body.contains("shared with alice") && browser.page.body.contains("shared with bob"))
            }
            try await browser.open("/admin/users/\(user.text("id"))")
            #expect(browser.page.body.contains("shared with alice") && !browser.page.body.contains("shared with bob"))
            let grants = try await site.admin(.get, "/grants?live=true").items
            #expect(grants.allSatisfy { ($0["shared_with"] as? [[String: Any]])?.count == 1 })
        }
    }
}
