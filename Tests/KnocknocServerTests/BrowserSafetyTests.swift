import Foundation
import HTTPTypes
import HummingbirdTesting
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("What protects a browser's session")
struct BrowserSafetyTests {
    @Test("a write by cookie needs our own page and its token; by Bearer it needs neither")
    func csrf() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let alice = try await site.makeAlice()
            let path = "/api/v1/me/knocs/\(alice.knoc)/grant"
            let cookie = ["Cookie": "other=1; knocknoc=\(alice.token)"]
            let own = ["Sec-Fetch-Site": "same-origin"]
            let token = ["X-CSRF-Token": alice.csrf]
            let origin = ["Origin": "http://127.0.0.1:\(site.port)"]
            let cases: [([[String: String]], Int)] = [
                ([cookie, own, token], 202), ([cookie, origin, token], 202),
                ([cookie, token], 403), ([cookie, own], 403),
                ([cookie, own, ["X-CSRF-Token": "stolen"]], 403),
                ([cookie, token, ["Sec-Fetch-Site": "cross-site"]], 403),
                ([cookie, token, ["Sec-Fetch-Site": "same-site"]], 403),
                ([cookie, token, ["Sec-Fetch-Site": "cross-site"], origin], 403),
                ([cookie, token, ["Origin": "http://evil.example"]], 403),
                ([cookie, token, ["Origin": "null"]], 403),
                ([cookie, token, ["Origin": "https://127.0.0.1:\(site.port)"]], 403),
                ([alice.bearer], 202), ([alice.bearer, ["Sec-Fetch-Site": "cross-site"]], 202),
                ([["Authorization": "Bearer wrong"], cookie, own, token], 401),
                ([["Authorization": "Basic x"], cookie, own, token], 401),
            ]
            for (parts, status) in cases {
                let headers = parts.reduce(into: [:]) { $0.merge($1) { $1 } }
                #expect(try await site.post(path, headers: headers).status == status, "\(headers)")
            }
            #expect(try await site.get("/api/v1/me", headers: cookie).status == 200)
        }
    }

    @Test("another site's page cannot sign anybody in")
    func foreignLogin() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            _ = try await site.makeAlice()
            #expect(try await site.login("alice", headers: ["Origin": "http://evil.example"]).status == 403)
            #expect(try await site.login("alice", headers: ["Sec-Fetch-Site": "cross-site"]).status == 403)
        }
    }

    @Test("only our own names are served")
    func hosts() async throws {
        try await TestSite.run({ $0.publicURL = WebOrigin("https://knock.example") }) { (site: TestSite) async throws in
            let names = [
                ("127.0.0.1:\(site.port)", 200), ("localhost", 200), ("knock.example", 200), ("KNOCK.example:443", 200),
                ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("198.51.100.7", 421),
            ]
            for (name, status) in names {
                #expect(try await site.send(.get, "/api/v1/ping", host: name).status == status, "\(name)")
            }
            #expect(try await site.send(.get, "/health", host: "evil.example").status == 200)
            #expect(try await site.send(.get, "/livez", host: "evil.example").status == 200)
        }
    }

    @Test("every answer carries the security headers")
    func headers() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            for path in ["/health", "/login", "/api/v1/me", "/nothing"] {
                let answer = try await site.get(path)
                let policy = try #require(answer.header("Content-Security-Policy"))
                #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
                #expect(answer.header("X-Content-Type-Options") == "nosniff")
                #expect(answer.header("Cache-Control") == "no-store")
                #expect(answer.header("Referrer-Policy") == "same-origin")
                #expect(answer.header("Cross-Origin-Opener-Policy") == "same-origin")
                #expect(answer.header("Strict-Transport-Security") == nil)
            }
        }
    }

    @Test("behind a trusted forwarder that says https, cookies are bound to the host and https")
    func https() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let forwarded = ["X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"]
            _ = try await site.makeAlice(signInHeaders: forwarded)
            let answer = try await site.login("alice", headers: forwarded)
            let line = try #require(answer.cookies.first)
            #expect(line.hasPrefix("__Host-knocknoc=") && line.contains("Secure"))
            #expect(answer.header("Strict-Transport-Security") != nil)
            let me = try await site.get(
                "/api/v1/me", headers: forwarded.merging(["Cookie": String(line.prefix { $0 != ";" })]) { $1 })
            #expect((me.json["session"] as? [String: Any])?["address"] as? String == "203.0.113.9")
            // The plain name is not believed under https: a neighbour on http could have set it.
            let plain = ["Cookie": "knocknoc=\(answer.text("token"))"].merging(forwarded) { $1 }
            #expect(try await site.get("/api/v1/me", headers: plain).status == 401)
        }
    }

    @Test("a password beyond this machine is not taken over plain HTTP, unless that is wanted")
    func insecure() async throws {
        let remote = ["X-Forwarded-For": "203.0.113.9"]
        try await TestSite.run { (site: TestSite) async throws in
            _ = try await site.makeAlice()
            let answer = try await site.login("alice", headers: remote)
            #expect(answer.status == 403 && answer.text("type").hasSuffix("insecure-http"))
            #expect(answer.text("detail").contains("--tls-self-signed"))
            // A proxy on this machine that tells nothing of its clients: the password has crossed a network all the same.
            let proxied = try await site.post(
                "/api/v1/login", #"{"username":"alice","password":"\#(TestSite.password)"}"#,
                headers: ["X-Forwarded-Proto": "http"])
            #expect(proxied.status == 403 && proxied.text("type").hasSuffix("insecure-http"))
            let form = try await site.send(.get, "/login", host: "knock.example")
            #expect(form.status == 403 || form.status == 421)
        }
        // Nor does one that nobody told us of make its clients this machine.
        try await TestSite.run({ $0.trustedForwarders = [] }) { (site: TestSite) async throws in
            _ = try await site.makeAlice()
            for hop in ["203.0.113.9", "10.0.0.5"] {
                let answer = try await site.login("alice", headers: ["X-Forwarded-For": hop])
                #expect(answer.status == 403 && answer.text("type").hasSuffix("insecure-http"), "\(answer)")
            }
        }
        try await TestSite.run({ $0.insecureHTTP = true }) { (site: TestSite) async throws in
            _ = try await site.makeAlice()
            #expect(try await site.login("alice", headers: remote).cookie("knocknoc") != nil)
        }
    }

    @Test("an address that may not be granted still signs in, and is told why nothing opens")
    func refusedAddress() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let spoofed = ["X-Forwarded-For": "203.0.113.9, garbage", "X-Forwarded-Proto": "https"]
            let alice = try await site.makeAlice(signInHeaders: spoofed)
            let answer = try await site.post(
                "/api/v1/me/knocs/\(alice.knoc)/grant", headers: alice.bearer.merging(spoofed) { $1 })
            #expect(answer.status == 403)
            #expect(answer.text("detail").contains("did not say where you come from"))
            let item = try await site.get("/api/v1/me/knocs", headers: alice.bearer).items.first
            #expect(item?["state"] as? String == "refused")
            #expect((item?["reason"] as? String)?.contains("did not say where you come from") == true)
            #expect(try await site.admin(.get, "/grants?live=true").items.isEmpty)
        }
    }
}
