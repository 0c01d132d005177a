import Foundation
import HTTPTypes
import KnocknocAccess
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("allow lists over HTTP")
struct AllowListTests {
    /// A Knoc that the server itself enforces, a key for its list, and people.
    private struct Lists {
        let site: TestSite
        let knoc: String
        let list: String
        let key: String
        let secret: String

        init(_ site: TestSite, networks: String = #"["127.0.0.1/32"]"#) async throws {
            self.site = site
            let group = try await site.admin(.post, "/groups", #"{"name":"staff"}"#).text("id")
            for name in ["alice", "bob"] {
                _ = try await site.admin(
                    .post, "/users",
                    #"{"username":"\#(name)","password":"\#(TestSite.password)","group_ids":["\#(group)"]}"#)
            }
            let made = try await site.admin(
                .post, "/knocs",
                #"{"name":"Wiki","group_ids":["\#(group)"],"enforcement":[{"backend":{"type":"allow_list"}}]}"#)
            #expect(made.status == 201)
            (knoc, list) = (made.text("id"), made.text("allow_list_id"))
            let key = try await site.admin(
                .post, "/api-keys", #"{"name":"fw","scopes":["allowlists.read"],"networks":\#(networks)}"#)
            (self.key, secret) = (key.text("id"), key.text("secret"))
        }

        var url: String { "http://127.0.0.1:\(site.port)/edl/\(list)" }

        /// Signs somebody in from an address and opens the Knoc.
        func open(_ name: String, from address: String) async throws -> [String: String] {
            let headers = ["X-Forwarded-For": address, "X-Forwarded-Proto": "https"]
            let token = try await site.login(name, headers: headers).text("token")
            let bearer = headers.merging(["Authorization": "Bearer \(token)"]) { $1 }
            let grant = try await site.post("/api/v1/me/knocs/\(knoc)/grant?wait=5000", headers: bearer)
            #expect(grant.text("state") == "open", "\(grant.body)")
            return bearer
        }

        func close(_ bearer: [String: String]) async throws {
            _ = try await site.send(.delete, "/api/v1/me/knocs/\(knoc)/grant?wait=5000", headers: bearer)
        }
    }

    @Test("a strict device follows grants of both families, and keeps its list where it cannot fetch it")
    func device() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let lists = try await Lists(site)
            let device = StrictListClient(lists.url, secret: lists.secret)
            await device.poll()
            #expect(device.fault == nil && device.lines == [] && device.tag != nil)
            let alice = try await lists.open("alice", from: "192.0.2.7")
            _ = try await lists.open("bob", from: "2001:db8::7")
            await device.poll()
            #expect(device.lines == ["192.0.2.7", "2001:db8::7"])
            let tag = device.tag
            await device.poll()
            #expect(device.fault == nil && device.tag == tag && device.lines.count == 2)
            try await lists.close(alice)
            await device.poll()
            #expect(device.lines == ["2001:db8::7"] && device.tag != tag)
            device.secret = "knk_wrong"
            await device.poll()
            #expect(device.fault == "status 401" && device.lines == ["2001:db8::7"])
            device.secret = lists.secret
            await device.poll()
            #expect(device.fault == nil)
            // The Knoc is gone; the list says so.
            _ = try await site.admin(.delete, "/knocs/\(lists.knoc)")
            await device.poll()
            #expect(device.fault == nil && device.lines == [])
        }
    }

    @Test("formats, tags and headers are as clients expect them")
    func formats() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let lists = try await Lists(site)
            _ = try await lists.open("alice", from: "192.0.2.7")
            func get(_ suffix: String, _ fields: [String] = [], method: String = "GET", bearer: Bool = false)
                async throws -> StrictListClient.Answer
            {
                try await StrictListClient.curl(
                    lists.url + suffix, secret: lists.secret, method: method, bearer: bearer, fields: fields)
            }
            let plain = try await get("")
            let text = "# Knocknoc allow list \(lists.list)\n192.0.2.7\n"
            #expect(plain.status == 200 && String(decoding: plain.body, as: UTF8.self) == text)
            #expect(plain.fields["cache-control"] == "private, no-cache")
            #expect(plain.fields["vary"] == "Accept, Authorization")
            let tag = try #require(plain.fields["etag"])
            #expect(tag.hasPrefix("\""))
            #expect(try await get(".txt", ["Accept: application/json"]).body == plain.body)
            #expect(try await get("", bearer: true).body == plain.body)
            for json in [try await get(".json"), try await get("", ["Accept: application/json"])] {
                #expect(json.fields["content-type"] == "application/json")
                let object = try #require(try JSONSerialization.jsonObject(with: json.body) as? [String: Any])
                #expect(object["entries"] as? [String] == ["192.0.2.7"] && object["id"] as? String == lists.list)
                #expect(json.fields["etag"] != tag)
            }
            for field in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let same = try await get("", ["If-None-Match: \(field)"])
                #expect(same.status == 304 && same.body.isEmpty && same.fields["etag"] == tag)
            }
            #expect(try await get("", ["If-None-Match: \"x\""]).status == 200)
            let head = try await get("", method: "HEAD")
            #expect(head.status == 200 && head.fields["content-length"] == String(text.utf8.count))
            #expect(head.fields["etag"] == tag)
            #expect(try await get("", method: "POST").status == 405)
            #expect(try await get(".csv").status == 404)
            #expect(try await get("/x").status == 404)
        }
    }

    @Test(
        "without a good key there is a challenge, from elsewhere or in the clear a refusal, and no list is told from another"
    )
    func keys() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let lists = try await Lists(site)
            func status(_ secret: String?, _ fields: [String] = [], list: String? = nil) async throws -> Int {
                try await StrictListClient.curl(
                    "http://127.0.0.1:\(site.port)/edl/\(list ?? lists.list)", secret: secret, fields: fields
                ).status
            }
            let none = try await StrictListClient.curl(lists.url, secret: nil)
            #expect(none.status == 401)
            #expect(none.fields["www-authenticate"]?.hasPrefix("Basic realm=") == true)
            #expect(none.fields["content-type"] == "application/problem+json")
            let other = AllowListID.random().description
            #expect(try await status("knk_wrong") == 401)
            #expect(try await status("knk_wrong", list: other) == 401)
            #expect(try await status(site.adminToken) == 401)
            #expect(try await status(lists.secret) == 200)
            #expect(try await status(lists.secret, list: other) == 404)
            let forwarded = ["X-Forwarded-For: 203.0.113.5"]
            #expect(try await status(lists.secret, forwarded) == 403)
            #expect(try await status(lists.secret, forwarded + ["X-Forwarded-Proto: https"]) == 403)
            _ = try await site.admin(
                .patch, "/api-keys/\(lists.key)", #"{"networks":["203.0.113.0/24"]}"#)
            #expect(try await status(lists.secret, forwarded + ["X-Forwarded-Proto: https"]) == 200)
            // A key that travels in the clear is nobody's secret.
            #expect(try await status(lists.secret, forwarded) == 403)
            _ = try await site.admin(
                .patch, "/api-keys/\(lists.key)", #"{"networks":["127.0.0.1/32"],"disabled":true}"#)
            #expect(try await status(lists.secret) == 401)
            _ = try await site.admin(.patch, "/api-keys/\(lists.key)", #"{"disabled":false}"#)
            #expect(try await status(lists.secret) == 200)
            #expect(try await site.admin(.delete, "/api-keys/\(lists.key)").status == 204)
            #expect(try await status(lists.secret) == 401)
        }
    }

    @Test("behind a proxy that is not trusted nobody is this machine: networks of a key and plain HTTP go by who asks")
    func untrustedProxy() async throws {
        @Sendable func status(_ lists: Lists, _ fields: [String]) async throws -> Int {
            try await StrictListClient.curl(lists.url, secret: lists.secret, fields: fields).status
        }
        for insecure in [false, true] {
            try await TestSite.run({
                $0.trustedForwarders = []
                $0.insecureHTTP = insecure
            }) { (site: TestSite) async throws in
                let lists = try await Lists(site)
                #expect(try await status(lists, []) == 200)
                for field in [
                    "X-Forwarded-For: 203.0.113.5", "X-Forwarded-For: 10.0.0.5", "X-Forwarded-For: x",
                    "X-Forwarded-Proto: https", "X-Forwarded-Proto: http",
                ] {
                    #expect(try await status(lists, [field]) == 403, "\(field), \(insecure)")
                }
                _ = try await site.admin(
                    .patch, "/api-keys/\(lists.key)", #"{"networks":["0.0.0.0/0","::/0"]}"#)
                // A key for everywhere is not stopped by what nobody can tell; that it would travel in the clear stays.
                #expect(
                    try await status(lists, ["X-Forwarded-For: 203.0.113.5"]) == (insecure ? 200 : 403))
            }
        }
        try await TestSite.run { (site: TestSite) async throws in
            // One that is trusted, and says nothing of its clients.
            let lists = try await Lists(site)
            #expect(try await status(lists, ["X-Forwarded-Proto: https"]) == 403)
            #expect(try await status(lists, ["X-Forwarded-Proto: https", "X-Forwarded-For: 127.0.0.1"]) == 200)
        }
    }

    @Test("fetches are audited with their count when the server stops, at the latest")
    func audit() async throws {
        let directory = TemporaryDirectory()
        try await TestSite.run(in: directory) { (site: TestSite) async throws in
            let lists = try await Lists(site)
            for _ in 0..<5 { _ = try await StrictListClient.curl(lists.url, secret: lists.secret) }
        }
        try await TestSite.run(in: directory) { (site: TestSite) async throws in
            let lines = try await site.admin(.get, "/audit?limit=500").items.filter {
                $0["action"] as? String == "AllowlistRetrieved"
            }
            let counts = lines.compactMap { ($0["details"] as? [String: String])?["count"] }.compactMap(Int.init)
            #expect(counts.reduce(0, +) == 5 && counts.count <= 2)
            #expect(lines.allSatisfy { $0["address"] as? String == "127.0.0.1" })
            let key = try #require(try await site.admin(.get, "/api-keys").items.first)
            #expect(key["last_address"] as? String == "127.0.0.1" && key["last_used_at"] is String)
        }
    }

    @Test("an enforcement without an agent is a list, and nothing else")
    func enforcement() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let lists = try await Lists(site)
            let knoc = try await site.admin(.get, "/knocs/\(lists.knoc)")
            let places = try #require(knoc.json["enforcement"] as? [[String: Any]])
            #expect(places.count == 1 && places[0]["agent_id"] is NSNull)
            #expect("\(knoc.body)".contains(#""backend":{"allow_list":{},"type":"allow_list"}"#))
            #expect(!knoc.body.contains(lists.key))
            let bodies = [
                (#"{"backend":{"type":"dry-run"}}"#, "agent_id"),
                (#"{"backend":{"type":"allow_list","protocol":"tcp","ports":[22]}}"#, "the server cuts no flows"),
                (#"{"backend":{"type":"allow_list","allow_list":{"id":"\#(lists.list)"}}}"#, "takes no fields"),
                (#"{"agent_id":"\#(AgentID.server)","backend":{"type":"dry-run"}}"#, "agent_id"),
            ]
            for (body, reason) in bodies {
                let answer = try await site.admin(.post, "/knocs", #"{"name":"x","enforcement":[\#(body)]}"#)
                #expect(answer.status == 400 && answer.text("detail").contains(reason), "\(answer.body)")
            }
        }
    }
}
