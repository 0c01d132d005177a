import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

@testable import KnocknocServer

@Suite("Bad input")
struct BadInputTests {
    @Test("every mistake is a problem that says what and where")
    func mistakes() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let alice = try await site.makeAlice()
            let backend = { (text: String) in
                #"{"name":"x","enforcement":[{"agent_id":"\#(alice.agent)","backend":\#(text)}]}"#
            }
            let cases: [(path: String, body: String, status: Int, detail: String, field: String?)] = [
                ("/groups", #"{"name":"x""#, 400, "line 1, column 12: the text ends there", nil),
                ("/groups", "", 400, "empty", nil),
                ("/groups", #"{"nam":"x"}"#, 400, "unknown field \"nam\"; expected name, kind, claim", "nam"),
                ("/groups", #"{}"#, 400, "\"name\" is missing", "name"),
                ("/groups", #"{"name":7}"#, 400, "expected a text", "name"),
                ("/groups", #"{"name":"x","kind":"global"}"#, 400, "\"local\", \"sso\", \"dynamic\"", "kind"),
                ("/users", #"{"username":"x","password":"short"}"#, 400, "10 characters", "password"),
                ("/users", #"{"username":"ALICE","password":"\#(TestSite.password)"}"#, 409, "", "username"),
                (
                    "/users", #"{"username":"y","group_ids":["nope"]}"#, 400, "not a UUID", "group_ids[0]"
                ),
                (
                    "/knocs", backend(#"{"type":"iptables"}"#), 400,
                    "expected one of nftables, ipset, haproxy, script, allow_list, dry-run", nil
                ),
                (
                    "/knocs", backend(#"{"type":"nftables","guard":{"protocol":"tcp","ports":[0]}}"#), 400,
                    "1 to 65535", nil
                ),
                (
                    "/knocs", backend(#"{"type":"nftables","guard":{"protocol":"tcp","ports":[70000]}}"#), 400, "", nil
                ),
                (
                    "/knocs",
                    backend(
                        #"{"type":"nftables","guard":{"protocol":"tcp","ports":[1],"destinations":["10.0.0.1/8"]}}"#),
                    400, "did you mean 10.0.0.0/8?", nil
                ),
                (
                    "/knocs", backend(#"{"type":"nftables","set":{"family":"inet","table":"a;b","ipv4":"x"}}"#), 400,
                    "a;b", nil
                ),
            ]
            for (path, body, status, detail, field) in cases {
                let answer = try await site.admin(.post, path, body)
                #expect(answer.status == status, "\(path) \(body): \(answer.body)")
                #expect(answer.header("Content-Type") == "application/problem+json")
                #expect(answer.json["status"] as? Int == status)
                #expect(!answer.text("title").isEmpty && !answer.text("type").isEmpty)
                if !detail.isEmpty { #expect(answer.text("detail").contains(detail), "\(answer.body)") }
                if let field { #expect(answer.text("field") == field, "\(answer.body)") }
            }
        }
    }

    @Test("what is not there is 404, a wrong method 405 with the right ones, no session 401")
    func places() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let alice = try await site.makeAlice()
            let unknown = "01890000-0000-7000-8000-000000000000"
            for path in ["users", "groups", "knocs", "agents", "admins"] {
                #expect(try await site.admin(.get, "/\(path)/\(unknown)").status == 404)
                #expect(try await site.admin(.get, "/\(path)/x").status == 404)
                #expect(try await site.admin(.delete, "/\(path)/\(unknown)").status == 404)
                #expect(try await site.get("/api/v1/admin/\(path)").status == 401)
                #expect(try await site.get("/api/v1/admin/\(path)", headers: alice.bearer).status == 401)
            }
            for path in ["/sessions/\(unknown)", "/grants/\(unknown)"] {
                #expect(try await site.admin(.delete, path).status == 404)
            }
            #expect(try await site.post("/api/v1/me/knocs/\(unknown)/grant", headers: alice.bearer).status == 404)
            let nobody = try await site.get("/api/v1/me")
            #expect(nobody.status == 401 && nobody.header("WWW-Authenticate")?.hasPrefix("Bearer") == true)
            let method = try await site.admin(.put, "/users/\(unknown)", "{}")
            #expect(method.status == 405 && method.header("Allow") == "DELETE, GET, HEAD, PATCH")
            #expect(try await site.get("/api/v1/nothing").status == 404)
            #expect(try await site.admin(.get, "/users?limit=0").text("field") == "limit")
            #expect(try await site.admin(.get, "/users?after=x").text("field") == "after")
            let wait = "/api/v1/me/knocs/\(alice.knoc)/grant?wait=99999"
            #expect(try await site.post(wait, headers: alice.bearer).text("field") == "wait")
        }
    }

    @Test("a body of more than 64 KiB is not read")
    func large() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let body = #"{"name":"\#(String(repeating: "x", count: 70_000))"}"#
            #expect(try await site.admin(.post, "/groups", body).status == 413)
        }
    }

    @Test("JSON that ends where it is nested too deeply is refused, signed in or not; the node lives")
    func nested() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            for depth in 505...520 {
                let body = String(repeating: "[", count: depth)
                #expect(try await site.post("/api/v1/login", body).status == 400)
                #expect(try await site.admin(.post, "/groups", body).status == 400)
            }
        }
    }

    @Test("wrong passwords are refused after five, with the time to wait, and the right one too")
    func throttled() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            _ = try await site.makeAlice()
            // Failures are counted anew from each quarter of an hour on, which may begin in between.
            var tries = 0
            var refused = try await site.login("alice", "wrong")
            while refused.status == 401, tries < 10 {
                tries += 1
                #expect(refused.text("title") == "Sign-in refused")
                refused = try await site.login("alice", "wrong")
            }
            #expect(tries >= 5 && refused.status == 429)
            let answer = try await site.login("alice")
            #expect(answer.status == 429)
            let wait = try #require(answer.header("Retry-After").flatMap(Int.init))
            #expect((1...900).contains(wait))
            // Nobody else behind this address is kept out, whoever exists or not.
            #expect(try await site.login("nobody", "wrong").status == 401)
        }
    }
}
