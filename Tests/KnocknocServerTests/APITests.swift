import Foundation
import HTTPTypes
import HummingbirdTesting
import KnocknocAccess
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("The API, as scripts use it")
struct APITests {
    @Test("sign-in answers with token, end and user, and sets the cookie")
    func login() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let alice = try await site.makeAlice()
            let answer = try await site.login("alice")
            #expect(answer.status == 200)
            #expect(answer.text("token").count == 43)
            #expect(answer.text("expires_at").hasSuffix("Z"))
            #expect((answer.json["user"] as? [String: Any])?["username"] as? String == "alice")
            #expect(answer.cookie("knocknoc") == answer.text("token"))
            let line = try #require(answer.cookies.first)
            #expect(line.contains("HttpOnly") && line.contains("SameSite=Lax") && line.contains("Path=/"))
            #expect(!line.contains("Secure"))

            let me = try await site.get("/api/v1/me", headers: alice.bearer)
            let session = try #require(me.json["session"] as? [String: Any])
            #expect(session["address"] as? String == "127.0.0.1")
            #expect((session["expires_at"] as? String)?.isEmpty == false)

            let out = try await site.post("/api/v1/logout", headers: alice.bearer)
            #expect(out.status == 204)
            #expect(try await site.get("/api/v1/me", headers: alice.bearer).status == 401)
        }
    }

    @Test("a grant is 202 and pending until an agent confirms, and is taken back")
    func grant() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let alice = try await site.makeAlice()
            let before = try await site.get("/api/v1/me/knocs", headers: alice.bearer)
            let item = try #require(before.items.first)
            #expect(Set(["id", "name", "url", "state", "expires_at", "reason"]).isSubset(of: Set(item.keys)))
            #expect(item["state"] as? String == "closed")

            let path = "/api/v1/me/knocs/\(alice.knoc)/grant"
            let granted = try await site.post(path, headers: alice.bearer)
            #expect(granted.status == 202)
            #expect(granted.text("state") == "pending")
            #expect(granted.text("expires_at").hasSuffix("Z"))
            #expect(try await site.post(path + "?wait=1", headers: alice.bearer).status == 202)
            let grants = try await site.admin(.get, "/grants?live=true")
            #expect(grants.items.map { $0["knoc_name"] as? String } == ["Wiki"])
            #expect(try await site.send(.delete, path, headers: alice.bearer).status == 202)
            #expect(try await site.admin(.get, "/grants?live=true").items.isEmpty)
        }
    }

    @Test("events arrive as they happen and end with the session", .timeLimit(.minutes(2)))
    func events() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let alice = try await site.makeAlice()
            var steps = 0
            let heard = try await site.events(bearer: alice.bearer) { text in
                if steps == 0, text.contains(#""state":"closed""#) {
                    steps = 1
                    _ = try await site.post("/api/v1/me/knocs/\(alice.knoc)/grant", headers: alice.bearer)
                }
                // The dry-run agent of this site is not linked, so the grant waits for it.
                if steps == 1, text.contains(#""state":"pending""#) {
                    steps = 2
                    _ = try await site.post("/api/v1/logout", headers: alice.bearer)
                }
            }
            #expect(heard.contains("Content-Type: text/event-stream"))
            #expect(heard.contains("event: knoc\ndata: {\"id\":\"\(alice.knoc)\""))
            #expect(steps == 2)
        }
    }

    @Test("events say which Knoc was taken away")
    func taken() {
        var item = KnocItem(
            id: KnocID(value: 7), name: "wiki", url: nil, grantOn: .click, state: .closed, expiresAt: nil, reason: nil)
        #expect(!EventStream.text(item).contains("event: gone"))
        item.isGone = true
        #expect(EventStream.text(item).hasSuffix("\n\nevent: gone\ndata: {\"id\":\"\(item.id)\"}\n\n"))
    }

    @Test("records are made, read, changed by version, listed in pages and deleted")
    func records() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            var ids: [String] = []
            for name in ["a", "b", "c"] {
                let made = try await site.admin(.post, "/groups", #"{"name":"\#(name)","kind":"local"}"#)
                #expect(made.status == 201)
                #expect(made.header("Location") == "/api/v1/admin/groups/\(made.text("id"))")
                ids.append(made.text("id"))
            }
            let first = try await site.admin(.get, "/groups?limit=2")
            #expect(first.items.count == 2)
            let rest = try await site.admin(.get, "/groups?limit=2&after=\(first.text("next"))")
            #expect(rest.items.count == 1)
            #expect(rest.json["next"] is NSNull)

            let seen = try await site.admin(.get, "/groups/\(ids[0])")
            let tag = try #require(seen.header("ETag"))
            let changed = try await site.admin(
                .patch, "/groups/\(ids[0])", #"{"name":"z"}"#, headers: ["If-Match": tag])
            #expect(changed.text("name") == "z")
            let stale = try await site.admin(.patch, "/groups/\(ids[0])", #"{"name":"y"}"#, headers: ["If-Match": tag])
            #expect(stale.status == 412)
            let double = try await site.admin(.post, "/groups", #"{"name":"Z"}"#)
            #expect(double.status == 409 && double.text("field") == "name")
            #expect(try await site.admin(.delete, "/groups/\(ids[1])").status == 204)
            #expect(try await site.admin(.get, "/groups/\(ids[1])").status == 404)
        }
    }

    @Test("an agent's token is in the answer that makes it and in no other")
    func agentToken() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let made = try await site.admin(.post, "/agents", #"{"name":"gw","zone":"eu"}"#)
            let token = made.text("token")
            #expect(made.status == 201 && token.count >= 40)
            let read = try await site.admin(.get, "/agents/\(made.text("id"))")
            #expect(read.text("status") == "pending" && read.json["token"] == nil)
            let link = { (token: String?) async throws in
                try await site.get(
                    "/agent/v1/link", headers: token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
                ).status
            }
            #expect(try await link(nil) == 401)
            #expect(try await link("wrong") == 401)
            #expect(try await link(token) == 426)
        }
    }

    @Test("null empties a field, absence leaves it")
    func patch() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let user = try await site.admin(
                .post, "/users",
                #"{"username":"bob","password":"\#(TestSite.password)","email":"b@example.org","session_seconds":600}"#)
            let path = "/users/\(user.text("id"))"
            let changed = try await site.admin(.patch, path, #"{"email":null,"disabled":true}"#)
            #expect(changed.json["email"] is NSNull)
            #expect(changed.json["session_seconds"] as? Int == 600)
            #expect(changed.json["disabled"] as? Bool == true)
            #expect(try await site.login("bob").status == 401)
        }
    }
}

@Suite("The API's description")
struct DescriptionTests {
    @Test("every route of the API is described, and nothing else")
    func complete() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let description = try await site.get("/api/v1/openapi.json")
            let paths = try #require(description.json["paths"] as? [String: [String: Any]])
            var described: Set<String> = []
            for (path, operations) in paths {
                for method in operations.keys where method != "parameters" {
                    described.insert(method.uppercased() + " " + path)
                }
            }
            let real = site.server.routes.all.filter { route in
                route.contains(" /api/") && !route.hasPrefix("HEAD") && !route.hasSuffix("openapi.json")
            }
            let served = Set(real.map { $0.replacingOccurrences(of: ":id", with: "{id}") })
            #expect(described.filter { $0.contains(" /api/") } == served)
        }
    }
}
