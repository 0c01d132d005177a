import Foundation
import HTTPTypes
import Testing

@testable import KnocknocServer

@Suite("The portal without scripts")
struct PortalFlowTests {
    @Test("sign in, grant, revoke and sign out are plain forms")
    func wholeWay() async throws {
        try await TestSite.run { site in
            let alice = try await site.makeAlice()
            let browser = PaperBrowser(site)
            try await browser.open("/")
            #expect(browser.path == "/login")
            try await browser.submit("/login", ["username": "alice", "password": TestSite.password])
            #expect(browser.path == "/" && browser.page.status == 200)
            #expect(browser.page.body.contains("Your access") && browser.page.body.contains("127.0.0.1"))
            #expect(browser.page.body.contains("data-state=\"closed\""))

            try await browser.submit("/knocs/\(alice.knoc)/grant")
            #expect(browser.path == "/" && !browser.page.body.contains("data-state=\"closed\""))
            let granted = try await site.admin(.get, "/grants").items
            #expect(granted.count { $0["ended_at"] is NSNull } == 1)

            try await browser.submit("/knocs/\(alice.knoc)/revoke")
            let ended = try await site.admin(.get, "/grants").items
            #expect(ended.count { $0["ended_at"] is NSNull } == 0)

            try await browser.submit("/logout")
            #expect(browser.path == "/login")
            try await browser.open("/")
            #expect(browser.path == "/login")
        }
    }

    @Test("a wrong password is said beside the form, which keeps the name and never the password")
    func wrongPassword() async throws {
        try await TestSite.run { site in
            _ = try await site.makeAlice()
            let browser = PaperBrowser(site)
            try await browser.signIn("alice", "geheim-geheim")
            #expect(browser.page.status == 401)
            #expect(browser.page.body.contains("role=\"alert\"") && browser.page.body.contains("value=\"alice\""))
            #expect(!browser.page.body.contains("geheim"))
        }
    }

    /// Without compression, so that no page that holds a secret and somebody's text has to be compressed (BREACH).
    @Test("a first load is at most 4 requests and 60 KiB as it is sent, on the portal and in the administration")
    func firstLoad() async throws {
        try await TestSite.run { site in
            let alice = try await site.makeAlice()
            for number in 1...10 {
                let knoc = #"{"name":"Service \#(number)","group_ids":["\#(alice.group)"],"grant_on":"click"}"#
                #expect(try await site.admin(.post, "/knocs", knoc).status == 201)
            }
            let browser = PaperBrowser(site)
            for path in ["/login", "/", "/admin/login", "/admin", "/admin/knocs/\(alice.knoc)"] {
                if path == "/" { try await browser.signIn("alice") }
                if path == "/admin" { try await browser.signInAsAdmin() }
                try await browser.open(path)
                #expect(browser.page.status == 200)
                var bytes = browser.page.body.utf8.count
                let pieces = browser.page.body.components(separatedBy: "\"/assets/").dropFirst().map {
                    "/assets/" + $0.prefix { $0 != "\"" }
                }
                #expect(pieces.count == 3)
                for piece in pieces {
                    let answer = try await site.get(piece)
                    #expect(answer.status == 200, "\(piece)")
                    #expect(answer.header("Cache-Control")?.contains("immutable") == true)
                    bytes += answer.body.utf8.count
                }
                #expect(bytes < 60 * 1024, "\(path): \(bytes) bytes")
            }
        }
    }

    @Test("a wrong password is told in the same sentence on the portal, in the administration and by the API")
    func oneSentence() async throws {
        try await TestSite.run { site in
            _ = try await site.makeAlice()
            let sentence = "Name and password do not fit."
            for admin in [false, true] {
                let browser = PaperBrowser(site)
                let path = admin ? "/admin/login" : "/login"
                try await browser.open(path)
                try await browser.submit(path, ["username": "alice", "password": "geheim-geheim"])
                #expect(browser.page.status == 401 && browser.page.body.contains("<div>\(sentence)</div>"), "\(path)")
                let answer = try await site.post("/api/v1\(path)", #"{"username":"alice","password":"geheim-geheim"}"#)
                #expect(answer.text("detail") == sentence, "\(answer.body)")
            }
        }
    }

    @Test(
        "a message becomes a sentence; a field's own name is left as it is",
        arguments: [
            ("name and password do not fit", "Name and password do not fit."), ("Gone!", "Gone!"), ("", ""),
            ("guard.ports: 1 to 65535", "guard.ports: 1 to 65535."), ("wait: no", "wait: no."),
            ("192.0.2.1 is nobody's", "192.0.2.1 is nobody's."),
            ("sign-in is over. Try again", "Sign-in is over. Try again."),
        ])
    func sentences(_ message: String, _ sentence: String) { #expect(Sentence.of(message) == sentence) }

    @Test(
        "beside its field a message goes without the field's name",
        arguments: [
            ("guard.ports: at least one port is needed", "At least one port is needed."),
            ("duration_seconds: expected 1", "Expected 1."),
            ("name and password do not fit", "Name and password do not fit."),
            ("192.0.2.1: no", "192.0.2.1: no."), ("", ""), (":", ":."),
        ])
    func besideField(_ message: String, _ sentence: String) { #expect(Sentence.beside(message) == sentence) }

    @Test("too many wrong passwords say how long to wait")
    func throttled() async throws {
        try await TestSite.run { site in
            _ = try await site.makeAlice()
            let browser = PaperBrowser(site)
            // Failures are counted anew from each quarter of an hour on, which may begin in between.
            var tries = 0
            repeat {
                try await browser.signIn("alice", "wrong wrong wrong")
                tries += 1
            } while browser.page.status == 401 && tries < 11
            #expect(tries >= 6)
            #expect(browser.page.status == 429)
            #expect(browser.page.header("Retry-After") != nil)
            #expect(browser.page.body.contains("Try again in"))
        }
    }

    @Test("a form of another session, another site or no cookie is refused and does nothing")
    func stolenForms() async throws {
        try await TestSite.run { site in
            let alice = try await site.makeAlice()
            let browser = PaperBrowser(site)
            try await browser.signIn("alice")
            let grant = "/knocs/\(alice.knoc)/grant"
            let cases: [(typed: [String: String], headers: [String: String])] = [
                (["csrf": "stolen"], [:]), (["csrf": ""], [:]), ([:], ["Origin": "http://evil.example"]),
                ([:], ["Origin": "null"]), ([:], ["Sec-Fetch-Site": "cross-site"]),
            ]
            for (typed, headers) in cases {
                try await browser.open("/")
                try await browser.submit(grant, typed, headers: headers)
                #expect(browser.page.status == 403, "\(typed) \(headers)")
                #expect(browser.page.body.contains("<!doctype html>"))
            }
            #expect(try await site.admin(.get, "/grants").items.isEmpty)

            let stranger = PaperBrowser(site)
            try await stranger.open("/login")
            try await stranger.submit(
                "/login", ["username": "alice", "password": TestSite.password], headers: ["Cookie": ""])
            #expect(stranger.page.status == 403)
            #expect(stranger.cookies["knocknoc"] == nil)
        }
    }

    @Test("sign-in over plain http from elsewhere is refused with a page that says why and what to do")
    func insecure() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            browser.extra = ["X-Forwarded-For": "203.0.113.9"]
            try await browser.open("/login")
            #expect(browser.page.status == 403)
            #expect(browser.page.body.contains("Sign-in needs https here"))
            #expect(browser.page.body.contains("TLSCertificate"))
            #expect(!browser.page.body.contains("name=\"password\""))
            browser.extra["X-Forwarded-Proto"] = "https"
            try await browser.open("/login")
            #expect(browser.page.status == 200)
        }
    }

    @Test("with InsecureHTTP sign-in works and every page says what that means")
    func banner() async throws {
        try await TestSite.run({ $0.insecureHTTP = true }) { site in
            let browser = PaperBrowser(site)
            browser.extra = ["X-Forwarded-For": "203.0.113.9"]
            for path in ["/login", "/admin/login", "/admin/setup"] {
                try await browser.open(path)
                #expect(browser.page.status == 200)
                #expect(browser.page.body.contains("runs over plain HTTP"), "\(path)")
            }
        }
    }
}
