import Foundation
import HTTPTypes
import KnocknocAccess
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("The administration without scripts")
struct AdminFlowTests {
    /// Fills in a form of each kind; names end in something that must stay text.
    static func fillSite(_ browser: PaperBrowser, _ suffix: String) async throws {
        try await browser.open("/admin/groups/new")
        try await browser.submit("/admin/groups", ["name": "Staff\(suffix)"])
        let group = browser.id
        try await browser.open("/admin/agents/new")
        try await browser.submit("/admin/agents", ["name": "gw\(suffix)", "zone": "z"])
        let agent = try #require(browser.links("/admin/agents/").first)
        try await browser.open("/admin/users/new")
        try await browser.submit(
            "/admin/users",
            [
                "username": "alice\(suffix)", "password": TestSite.password, "display_name": "Alice\(suffix)",
                "email": "alice@example.com", "session_seconds": "1h",
            ], choosing: ["group_ids": [group]])
        try await browser.open("/admin/knocs/new")
        try await browser.submit(
            "/admin/knocs",
            [
                "name": "Wiki\(suffix)", "url": "https://wiki.example.com/", "duration_seconds": "30m",
                "at.\(agent).0.backend": "guard", "at.\(agent).0.ports": "9000, 9001", "at.\(agent).0.loopback": "true",
            ], choosing: ["group_ids": [group]])
        try await browser.open("/admin/admins/new")
        try await browser.submit("/admin/admins", ["username": "second\(suffix)", "password": TestSite.password])
    }

    static let lists = ["users", "groups", "knocs", "agents", "admins"]

    @Test("everything is made by its form, listed, and comes back in its form as it was typed")
    func create() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            #expect(browser.path == "/admin" && browser.page.body.contains("Overview"))
            try await Self.fillSite(browser, "")
            for (list, name) in zip(Self.lists, ["alice", "Staff", "Wiki", "gw", "second"]) {
                try await browser.open("/admin/\(list)")
                #expect(browser.page.body.contains(">\(name)</a>"), "\(list)")
            }
            let knoc = try #require(try await site.admin(.get, "/knocs").items.first)
            #expect(knoc["duration_seconds"] as? Int == 1800)
            #expect("\(knoc["enforcement"] ?? "")".contains("9001"))
            try await browser.open(
                "/admin/agents/\(try #require(try await site.admin(.get, "/agents").items.first)["id"] ?? "")")
            #expect(browser.page.body.contains("href=\"/admin/knocs/\(knoc["id"] ?? "")\">Wiki</a>"))
            try await browser.open("/admin/knocs/\(knoc["id"] ?? "")")
            let form = try #require(HTMLForm.find("/admin/knocs/\(knoc["id"] ?? "")", in: browser.page.body))
            let values = Dictionary(form.fields.map { ($0.name, $0.value) }) { $1 }
            #expect(values["duration_seconds"] == "30m" && values["name"] == "Wiki")
            #expect(values.contains { $0.key.hasSuffix(".ports") && $0.value == "9000, 9001" })
            #expect(values.first { $0.key.hasSuffix(".loopback") }?.value == "true")
            // Saving what is shown changes nothing.
            try await browser.submit("/admin/knocs/\(knoc["id"] ?? "")")
            let after = try #require(try await site.admin(.get, "/knocs").items.first)
            #expect(after["enforcement"] as? NSArray == knoc["enforcement"] as? NSArray)
        }
    }

    @Test("what cannot be saved comes back with what was typed and the reason beside its field")
    func validation() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await Self.fillSite(browser, "")
            let agent = try #require(try await site.admin(.get, "/agents").items.first?["id"] as? String)
            let cases: [(kind: String, typed: [String: String], field: String, status: Int)] = [
                ("users", ["username": "alice", "email": "kept@example.com"], "username", 409),
                ("users", ["username": "bob", "password": "short"], "password", 422),
                ("users", ["username": "bob", "session_seconds": "soon"], "session_seconds", 422),
                ("knocs", ["name": "X", "duration_seconds": "400d"], "duration_seconds", 422),
                ("groups", ["name": "Staff"], "name", 409), ("groups", ["name": " "], "name", 422),
                ("knocs", ["name": "X", "url": "javascript:alert(1)"], "url", 422),
                (
                    "knocs", ["name": "X", "at.\(agent).0.backend": "guard", "at.\(agent).0.ports": "99999"], "ports",
                    422
                ),
                ("agents", ["name": "gw"], "name", 409),
                ("admins", ["username": "second", "password": ""], "password", 422),
            ]
            for (kind, typed, field, status) in cases {
                try await browser.open("/admin/\(kind)/new")
                try await browser.submit("/admin/\(kind)", typed)
                #expect(browser.page.status == status, "\(kind) \(typed)")
                #expect(browser.page.body.contains("\(field.replacing("_", with: "-"))-error\""), "\(kind) \(typed)")
                let form = try #require(HTMLForm.find("/admin/\(kind)", in: browser.page.body))
                for (name, value) in typed where name != "password" && value != " " {
                    #expect(form.fields.contains { $0.name == name && $0.value == value }, "\(kind) \(name)")
                }
            }
        }
    }

    @Test("who saves over somebody else's change is told first")
    func stale() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/groups/new")
            try await browser.submit("/admin/groups", ["name": "Staff"])
            let id = browser.id
            _ = try await site.admin(.patch, "/groups/\(id)", #"{"name":"Crew"}"#)
            try await browser.submit("/admin/groups/\(id)", ["name": "People"])
            #expect(browser.page.status == 409 && browser.page.body.contains("Somebody else changed this"))
            #expect(browser.page.body.contains("value=\"People\""))
            try await browser.submit("/admin/groups/\(id)")
            #expect(browser.page.status == 200)
            #expect(try await site.admin(.get, "/groups/\(id)").text("name") == "People")
        }
    }

    @Test("deleting says first what it does, and then does it")
    func deletion() async throws {
        try await TestSite.run { site in
            let alice = try await site.makeAlice()
            _ = try await site.post("/api/v1/me/knocs/\(alice.knoc)/grant", headers: alice.bearer)
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/users/\(alice.id)/delete")
            #expect(browser.page.body.contains("Ends 1 grant now."))
            #expect(try await site.admin(.get, "/users").items.count == 1)
            try await browser.submit("/admin/users/\(alice.id)/delete")
            #expect(browser.path == "/admin/users?done=deleted" && browser.page.body.contains("Deleted."))
            #expect(try await site.admin(.get, "/users").items.isEmpty)
            for (kind, id) in [("knocs", alice.knoc), ("groups", alice.group), ("agents", alice.agent)] {
                try await browser.open("/admin/\(kind)/\(id)/delete")
                try await browser.submit("/admin/\(kind)/\(id)/delete")
                #expect(browser.path == "/admin/\(kind)?done=deleted")
            }
        }
    }

    @Test("the last administrator cannot delete themselves, and the page says why")
    func lastAdministrator() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/admins")
            let id = try #require(browser.links("/admin/admins/").first { $0 != "new" })
            try await browser.open("/admin/admins/\(id)/delete")
            try await browser.submit("/admin/admins/\(id)/delete")
            #expect(browser.page.status >= 400 && browser.page.body.contains("role=\"alert\""))
            try await browser.open("/admin")
            #expect(browser.path == "/admin")
        }
    }

    @Test("grants and sessions end by a button")
    func endNow() async throws {
        try await TestSite.run { site in
            let alice = try await site.makeAlice()
            _ = try await site.post("/api/v1/me/knocs/\(alice.knoc)/grant", headers: alice.bearer)
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/grants")
            let grant = try #require(browser.actions("/admin/grants/").first)
            try await browser.submit(grant)
            #expect(browser.page.body.contains("Ended."))
            #expect(browser.actions("/admin/grants/").isEmpty)
            let sessions = try await site.admin(.get, "/sessions").items
            let session = try #require(sessions.first { "\($0)".contains(alice.id) }?["id"] as? String)
            try await browser.open("/admin/sessions")
            try await browser.submit("/admin/sessions/\(session)/end")
            #expect(try await site.get("/api/v1/me", headers: alice.bearer).status == 401)
        }
    }

    @Test("a new agent's token is on one page only, with what to do with it")
    func token() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/agents/new")
            try await browser.submit("/admin/agents", ["name": "gw-1"])
            let token = browser.page.body.components(separatedBy: "id=\"token\">")[1].prefix { $0 != "<" }
            #expect(token.count > 30)
            #expect(browser.page.body.contains("KNOCKNOC_AGENT_SERVER_URL=http://127.0.0.1:"))
            #expect(!browser.page.body.contains("load balancer"))
            #expect(browser.page.header("Cache-Control") == "no-store")
            let id = try #require(browser.links("/admin/agents/").first)
            for path in ["/admin/agents", "/admin/agents/\(id)", "/admin/audit"] {
                try await browser.open(path)
                #expect(browser.page.status == 200 && !browser.page.body.contains(token), "\(path)")
            }
            // How the administrator came is not how agents will.
            browser.extra["X-Forwarded-For"] = "203.0.113.9"
            try await browser.open("/admin/agents/new")
            try await browser.submit("/admin/agents", ["name": "gw-2"])
            #expect(browser.page.body.contains("KNOCKNOC_AGENT_SERVER_URL=http://127.0.0.1:"))
            #expect(!browser.page.body.contains("TLSFingerprint"))
        }
    }

    @Test("a new agent's texts have the lines of the backend that was chosen, and of no other")
    func backend() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/agents/new")
            // All are there to choose from, each in a box of its own.
            for backend in BackendChoice.all where !backend.lines.isEmpty {
                let box = "<span data-with=\"\(backend.name)\" hidden>"
                #expect(browser.page.body.components(separatedBy: box).count == 4, "\(backend.name)")
            }
            try await browser.submit("/admin/agents", ["name": "gw-1", "backend": "script"])
            let body = browser.page.body
            for line in [
                "AllowBackends = script\nCustomScripts = true\n", "export KNOCKNOC_AGENT_CUSTOM_SCRIPTS=true\n",
                "      KNOCKNOC_AGENT_CUSTOM_SCRIPTS: \"true\"\n</span>    secrets:",
            ] { #expect(body.contains(line), "\(line)") }
            #expect(body.components(separatedBy: "<span data-with=\"script\">").count == 4)
            #expect(!body.contains("AllowListListen") && !body.contains("data-with=\"haproxy\""))
            try await browser.open("/admin/agents/new")
            try await browser.submit("/admin/agents", ["name": "gw-2", "backend": "iptables"])
            #expect(browser.page.body.contains("That is none of these."))
            try await browser.open("/admin/agents")
            #expect(browser.page.body.contains("gw-1") && !browser.page.body.contains("gw-2"))
        }
    }

    @Test("names full of markup stay text on every page")
    func hostileNames() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await Self.fillSite(browser, "\"'><script>alert(1)</script>{{x}}")
            var paths = ["/admin", "/admin/grants", "/admin/sessions?show=all", "/admin/audit"]
            for list in Self.lists {
                try await browser.open("/admin/\(list)")
                paths += ["/admin/\(list)", "/admin/\(list)/new"]
                paths += browser.links("/admin/\(list)/").filter { $0 != "new" }.flatMap {
                    ["/admin/\(list)/\($0)", "/admin/\(list)/\($0)/delete"]
                }
            }
            #expect(paths.count >= 24)
            for path in paths {
                try await browser.open(path)
                #expect(browser.page.status == 200, "\(path)")
                #expect(!browser.page.body.contains("<script>"), "\(path)")
                #expect(!browser.page.body.contains("\"'>"), "\(path)")
            }
        }
    }

    @Test("without an administrator's session every page leads to the sign-in, a user's session is none")
    func gate() async throws {
        try await TestSite.run { site in
            let alice = try await site.makeAlice()
            let browser = PaperBrowser(site)
            try await browser.signIn("alice")
            for path in ["", "/users", "/users/new", "/users/\(alice.id)", "/knocs", "/grants", "/sessions", "/audit"] {
                try await browser.open("/admin" + path)
                #expect(browser.path == "/admin/login", "\(path)")
            }
            #expect(try await site.post("/admin/users/\(alice.id)/delete").status == 303)
            #expect(try await site.admin(.get, "/users").items.count == 1)
        }
    }

    @Test("a stolen form of the administration is refused and does nothing")
    func csrf() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/groups/new")
            try await browser.submit("/admin/groups", ["name": "X", "csrf": "stolen"])
            #expect(browser.page.status == 403)
            try await browser.open("/admin/groups/new")
            try await browser.submit("/admin/groups", ["name": "X"], headers: ["Origin": "http://evil.example"])
            #expect(browser.page.status == 403)
            #expect(try await site.admin(.get, "/groups").items.isEmpty)
        }
    }

    @Test("ids that are not there and nonsense in a path are 404 with a page")
    func missing() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            let nobody = "01890000-0000-7000-8000-000000000000"
            for path in ["/admin/users/\(nobody)", "/admin/knocs/nonsense", "/admin/nothing", "/nothing"] {
                try await browser.open(path)
                #expect(browser.page.status == 404 && browser.page.body.contains("<!doctype html>"), "\(path)")
            }
        }
    }

    @Test("a proxy that nobody told us of is shown with the line that trusts it, until it is trusted")
    func untrustedProxy() async throws {
        try await TestSite.run {
            $0.trustedForwarders = [CIDR(.v4(0x0a00_0001))]
            // Who comes through it may come from anywhere: else no password is taken over plain HTTP.
            $0.insecureHTTP = true
        } _: { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            #expect(!browser.page.body.contains("TrustedForwarders"))
            let proxied = PaperBrowser(site)
            proxied.extra["X-Forwarded-For"] = "203.0.113.9"
            try await proxied.signInAsAdmin()
            try await browser.open("/admin")
            #expect(browser.page.body.contains("TrustedForwarders = 10.0.0.1/32, 127.0.0.1/32"))
            var settings = site.server.settings
            settings.trustedForwarders.append(CIDR(.v4(0x7f00_0001)))
            try site.server.reload(settings)
            try await browser.open("/admin")
            #expect(!browser.page.body.contains("TrustedForwarders"))
        }
    }

    @Test("a wrong one-time code makes no administrator, and with one there is nothing to set up")
    func setUp() async throws {
        try await TestSite.run(administrator: false) { site in
            let typed = ["code": "wrong", "name": "mallory", "password": TestSite.password]
            let browser = PaperBrowser(site)
            try await browser.open("/admin/setup")
            try await browser.submit("/admin/setup", typed)
            #expect(browser.page.status >= 400 && browser.cookies["knocknoc-admin"] == nil)
            #expect(try await site.server.access.needsFirstAdmin())
            _ = try await site.server.access.createAdmin(
                AdminDraft(name: "root", password: TestSite.password), by: .cli, nil)
            try await browser.submit("/admin/setup", typed)
            #expect(browser.path.hasPrefix("/admin/login?"))
            #expect(browser.page.body.contains("There is an administrator already; sign in."))
            try await browser.open("/admin/setup")
            #expect(browser.path.hasPrefix("/admin/login?"))
            #expect(try await site.server.access.listAdmins().map(\.name) == ["root"])
        }
    }

    @Test("the first page ticks an agent when it has linked, and tells sessions apart")
    func overview() async throws {
        try await TestSite.run { site in
            _ = try await site.makeAlice()
            let numbers = try await site.server.access.dashboard()
            #expect(numbers.agents == 1 && numbers.agentsLinked == 0)
            #expect(numbers.sessions == 2 && numbers.adminSessions == 1 && numbers.openKnocs == 0)
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin")
            #expect(browser.page.body.contains("on 0 of 1 Knoc<"))
            #expect(browser.page.body.contains("1 of users, 2 of administrators"))
            #expect(browser.page.body.contains("href=\"/admin/agents/new\""))
        }
    }
}

extension PaperBrowser {
    /// The id in the address of the page of one thing.
    var id: String { path.prefix { $0 != "?" }.split(separator: "/").last.map(String.init) ?? "" }

    /// What follows a prefix in the page's links, each once.
    func links(_ prefix: String) -> [String] { targets("href=\"" + prefix).filter { !$0.contains("/") } }

    /// The forms whose action begins so.
    func actions(_ prefix: String) -> [String] { targets("action=\"" + prefix).map { prefix + $0 } }

    private func targets(_ marker: String) -> [String] {
        var seen: [String] = []
        for part in page.body.components(separatedBy: marker).dropFirst() {
            let text = String(part.prefix { $0 != "\"" && $0 != "?" })
            if !seen.contains(text) { seen.append(text) }
        }
        return seen
    }
}
