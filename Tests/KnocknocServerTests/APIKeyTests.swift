import Foundation
import HTTPTypes
import KnocknocAccess
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("API keys")
struct APIKeyTests {
    @Test("a key's secret is in the answer that makes it and in no other; changes name the version they saw")
    func api() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let made = try await site.admin(
                .post, "/api-keys",
                #"{"name":"fw","scopes":["allowlists.read"],"networks":["192.0.2.0/24","2001:db8::/32"],"expires_at":"2099-01-01T00:00:00Z"}"#
            )
            #expect(made.status == 201 && made.text("secret").hasPrefix("knk_"))
            #expect(made.header("ETag") == "\"1\"")
            let path = "/api-keys/\(made.text("id"))"
            #expect(made.header("Location") == "/api/v1/admin" + path)
            let read = try await site.admin(.get, path)
            #expect(
                read.json["secret"] == nil && read.json["networks"] as? [String] == ["192.0.2.0/24", "2001:db8::/32"])
            #expect(read.text("expires_at").hasPrefix("2099-01-01T00:00:00"))
            let changed = try await site.admin(
                .patch, path, #"{"name":"fw2","expires_at":null}"#, headers: ["If-Match": "\"1\""])
            #expect(changed.text("name") == "fw2" && changed.json["expires_at"] is NSNull)
            #expect(try await site.admin(.patch, path, #"{"name":"x"}"#, headers: ["If-Match": "\"1\""]).status == 412)
            #expect(try await site.admin(.get, "/api-keys").items.count == 1)
            #expect(try await !site.admin(.get, "/api-keys").body.contains("secret"))
            #expect(try await site.admin(.delete, path, headers: ["If-Match": "\"1\""]).status == 412)
            #expect(try await site.admin(.delete, path).status == 204)
            #expect(try await site.get("/api/v1/admin/api-keys").status == 401)
            #expect(try await !site.admin(.get, "/audit?limit=500").body.contains(made.text("secret")))
        }
    }

    @Test(
        "what cannot be is refused, and the field is named",
        arguments: [
            (#"{"name":"a","scopes":["allowlists.read"]}"#, "networks"),
            (#"{"name":"a","scopes":["allowlists.read"],"networks":[]}"#, "networks"),
            (#"{"name":"a","scopes":[],"networks":["::/0"]}"#, "scopes"),
            (#"{"name":"a","scopes":["users.write"],"networks":["::/0"]}"#, "scopes"),
            (#"{"name":"a","scopes":["allowlists.read"],"networks":["10.0.0.1/8"]}"#, "networks"),
            (#"{"name":"a","scopes":["allowlists.read"],"networks":["::/0"],"expires_at":"tomorrow"}"#, "expires_at"),
            (
                #"{"name":"a","scopes":["allowlists.read"],"networks":["::/0"],"expires_at":"2001-01-01T00:00:00Z"}"#,
                "expires_at"
            ),
            (#"{"name":"","scopes":["allowlists.read"],"networks":["::/0"]}"#, "name"),
            (#"{"name":"a","scope":["allowlists.read"],"networks":["::/0"]}"#, "scope"),
        ])
    func refused(_ body: String, _ field: String) async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let answer = try await site.admin(.post, "/api-keys", body)
            #expect(
                answer.status == 400 && "\(answer.text("field")) \(answer.text("detail"))".contains(field),
                "\(answer.body)")
            #expect(try await site.admin(.get, "/api-keys").items.isEmpty)
        }
    }

    @Test("the pages make, show once, list, change and delete a key; nowhere is no answer to from where")
    func pages() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/api-keys/new")
            try await browser.submit("/admin/api-keys", ["name": "fw & <co>"])
            #expect(
                browser.page.status == 422 && browser.page.body.contains("say where the key is used".capitalizedFirst))
            try await browser.submit(
                "/admin/api-keys", ["networks": "192.0.2.10, 2001:db8::/64", "expires_at": "2099-01-31"])
            let secret = try #require(browser.page.body.firstMatch(of: /knk_[A-Za-z0-9_-]{43}/)).output
            #expect(browser.page.body.contains("fw &amp; &lt;co&gt;"))
            let key = try #require(try await site.admin(.get, "/api-keys").items.first)
            #expect(key["networks"] as? [String] == ["192.0.2.10/32", "2001:db8::/64"])
            // The day that is named is the last one.
            #expect((key["expires_at"] as? String)?.hasPrefix("2099-02-01T00:00:00") == true)
            let path = "/admin/api-keys/\(key["id"] ?? "")"
            try await browser.open("/admin/api-keys")
            #expect(browser.page.body.contains("192.0.2.10/32, 2001:db8::/64") && browser.page.body.contains("Never"))
            #expect(!browser.page.body.contains(secret))
            try await browser.open(path)
            #expect(!browser.page.body.contains(secret))
            try await browser.submit(path, ["disabled": "true"])
            let changed = try #require(try await site.admin(.get, "/api-keys").items.first)
            #expect(
                changed["disabled"] as? Bool == true && changed["expires_at"] as? String == key["expires_at"] as? String
            )
            try await browser.open(path + "/delete")
            try await browser.submit(path + "/delete")
            #expect(try await site.admin(.get, "/api-keys").items.isEmpty)
        }
    }

    @Test("a Knoc's form has the server as a place, and its page the list's address to copy")
    func knoc() async throws {
        try await TestSite.run {
            $0.publicURL = WebOrigin("https://knock.example.com")
        } _: { (site: TestSite) async throws in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/knocs/new")
            let place = "at.\(AgentID.server).0.backend"
            try await browser.submit("/admin/knocs", ["name": "Wiki", place: "allow_list"])
            let knoc = try #require(try await site.admin(.get, "/knocs").items.first)
            let url = "https://knock.example.com/edl/\(knoc["allow_list_id"] ?? "").txt"
            #expect(browser.page.body.contains(url) && browser.page.body.contains("data-copy=\"allow-list\""))
            #expect(browser.page.body.contains("This server"))
            let path = "/admin/knocs/\(knoc["id"] ?? "")"
            let form = try #require(HTMLForm.find(path, in: browser.page.body))
            #expect(form.fields.contains { $0.name == place && $0.value == "allow_list" })
            // Saving what is shown changes nothing.
            try await browser.submit(path)
            let after = try #require(try await site.admin(.get, "/knocs").items.first)
            #expect(after["enforcement"] as? NSArray == knoc["enforcement"] as? NSArray)
            try await browser.submit(path, [place: "none"])
            #expect(!browser.page.body.contains(url))
            try await browser.open("/admin/agents")
            #expect(!browser.page.body.contains("the server</a>"))
        }
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
