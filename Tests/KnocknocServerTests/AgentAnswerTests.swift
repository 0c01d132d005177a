import Foundation
import HTTPTypes
import KnocknocAccess
import KnocknocModel
import KnocknocProtocol
import Testing

@testable import KnocknocServer

@Suite("What administrators ask of agents")
struct AgentAnswerTests {
    /// Has an agent look linked to a node, and nothing behind it.
    static func attach(_ id: String, _ site: TestSite, node: String = "web-9", capabilities: [String: String] = [:])
        async throws
    {
        let hello = AgentMessage.Hello(
            protocolMin: 1, protocolMax: 1, instance: "i",
            stamp: AgentStamp(boot: "b", time: BootTime(milliseconds: 0)), position: nil, removals: [],
            signingKey: "c2lnbmluZw==", sealingKey: "c2VhbGluZw==", signature: "", version: "1", machine: "gw1",
            system: "test", capabilities: capabilities)
        _ = try await site.server.access.attach(agent: try #require(AgentID(id)), hello: hello, node: node)
    }

    /// Answers the next ping as the node would that holds the link.
    static func answer(_ site: TestSite, node: String = "web-9", log: [String] = []) async throws {
        while true {
            if let asked = try await site.server.access.waitingPings().first {
                return try await site.server.access.answer(
                    asked.id, PingAnswer(roundTrip: .microseconds(1250), log: asked.logLines.map { _ in log }),
                    node: node)
            }
            await Task.yield()
        }
    }

    @Test("a ping is 200 with the way it took, 409 with the last time it was seen, 504 after 5 s, 404")
    func ping() async throws {
        try await TestSite.run { site in
            let id = try await site.admin(.post, "/agents", #"{"name":"gw"}"#).text("id")
            let never = try await site.admin(.post, "/agents/\(id)/ping")
            #expect(never.status == 409 && never.text("type") == "urn:knocknoc:problem:agent-offline")
            #expect(never.json["last_seen_at"] is NSNull)

            try await Self.attach(id, site)
            async let pinged = site.admin(.post, "/agents/\(id)/ping")
            try await Self.answer(site)
            let pong = try await pinged
            #expect(pong.status == 200)
            #expect(pong.text("reply") == "pong" && pong.text("via") == "web-9", "\(pong.body)")
            #expect(pong.body.contains("\"round_trip_ms\":1.25,"), "\(pong.body)")

            let silent = try await site.admin(.post, "/agents/\(id)/ping")
            #expect(silent.status == 504 && silent.text("detail") == "No answer in 5 s.")
            #expect(try await site.admin(.post, "/agents/00000000-0000-7000-8000-000000000000/ping").status == 404)
            #expect(try await site.post("/api/v1/admin/agents/\(id)/ping").status == 401)
            #expect(try await site.admin(.post, "/agents/\(id)/resync").status == 202)
        }
    }

    @Test("an agent's log is there for administrators, as text on its page, and says why where it is not")
    func log() async throws {
        try await TestSite.run { site in
            let id = try await site.admin(.post, "/agents", #"{"name":"gw"}"#).text("id")
            #expect(
                try await site.admin(.get, "/agents/\(id)/log").text("type") == "urn:knocknoc:problem:agent-offline")
            #expect(try await site.get("/api/v1/admin/agents/\(id)/log").status == 401)
            #expect(try await site.admin(.get, "/agents/\(id)/log?lines=0").status == 400)
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/agents/\(id)/log")
            #expect(browser.page.body.contains("The agent has never linked."))
            try await Self.attach(id, site)
            let lines = ["first", "<script>alert(1)</script>"]
            async let asked = site.admin(.get, "/agents/\(id)/log?lines=2")
            try await Self.answer(site, log: lines)
            let answer = try await asked
            #expect(answer.status == 200 && answer.text("via") == "web-9")
            #expect(answer.json["lines"] as? [String] == lines, "\(answer.body)")
            async let answering: Void = Self.answer(site, log: lines)
            try await browser.open("/admin/agents/\(id)/log")
            try await answering
            let body = browser.page.body
            #expect(body.contains("first\n&lt;script&gt;alert(1)&lt;/script&gt;</pre>"), "\(body)")
            try await browser.open("/admin/agents")
            #expect(browser.page.body.contains("href=\"/admin/agents/\(id)/log\""))
        }
    }

    @Test("agents are listed by zone too, in the API and on the page, over several pages")
    func zones() async throws {
        try await TestSite.run { site in
            func names(_ path: String) async throws -> [String] {
                let list = try await site.admin(.get, path)
                return (list.json["items"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
            }
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/agents")
            #expect(!browser.page.body.contains("name=\"zone\""), "there is nothing to choose")
            for number in 1...51 {
                _ = try await site.admin(.post, "/agents", #"{"name":"eu-\#(number)","zone":"e&u"}"#)
            }
            let told = try await site.admin(.post, "/agents", #"{"name":"told"}"#).text("id")
            try await Self.attach(told, site, capabilities: ["zone": "us"])
            _ = try await site.admin(.post, "/agents", #"{"name":"nowhere"}"#)
            #expect(try await names("/agents?zone=us") == ["told"])
            #expect(try await names("/agents?zone=e%26u&limit=500").count == 51)
            #expect(try await names("/agents?zone=mars").isEmpty)
            try await browser.open("/admin/agents?zone=us")
            #expect(browser.page.body.contains(">told<") && !browser.page.body.contains(">nowhere<"))
            #expect(browser.page.body.contains("<option value=\"us\" selected>us</option>"))
            try await browser.open("/admin/agents?zone=e%26u")
            let next = try #require(browser.page.body.firstMatch(of: /rel="next" href="([^"]+)"/)?.1)
            #expect(next.hasSuffix("&amp;zone=e%26u"), "\(next)")
            try await browser.open(String(next).replacing("&amp;", with: "&"))
            #expect(browser.page.body.contains("eu-51") && !browser.page.body.contains("nowhere"))
            try await browser.open("/admin/agents?zone=mars")
            #expect(browser.page.body.contains("Nothing in &quot;mars&quot;"))
        }
    }

    @Test("a Knoc's form offers what the agent's own file allows, and what it does there already")
    func offers() async throws {
        try await TestSite.run { site in
            func options(_ path: String, _ browser: PaperBrowser, _ id: String) async throws -> [Substring] {
                try await browser.open(path)
                let field = browser.page.body.components(separatedBy: "name=\"at.\(id).0.backend\"")
                let select = try #require(field.last?.components(separatedBy: "</select>").first)
                return select.matches(of: /value="([a-z_-]+)"/).map(\.1)
            }
            let id = try await site.admin(.post, "/agents", #"{"name":"gw"}"#).text("id")
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            let all: [Substring] = ["none", "guard", "set", "ipset", "haproxy", "script", "allow_list", "dry-run"]
            #expect(try await options("/admin/knocs/new", browser, id) == all)
            try await Self.attach(id, site, capabilities: ["backends": "nftables allow_list dry-run"])
            let offered = try await options("/admin/knocs/new", browser, id)
            #expect(offered == ["none", "guard", "set", "allow_list", "dry-run"])
            let set = #"{"agent_id":"\#(id)","backend":{"type":"ipset","ipset":{"ipv4":"k4"}}}"#
            let knoc = try await site.admin(.post, "/knocs", #"{"name":"Wiki","enforcement":[\#(set)]}"#)
            #expect(knoc.status == 201, "\(knoc.body)")
            let kept = try await options("/admin/knocs/\(knoc.text("id"))", browser, id)
            #expect(kept == ["none", "guard", "set", "ipset", "allow_list", "dry-run"])
        }
    }

    @Test("a draft stores nothing, and what it suggests makes an agent; a rotated token is shown once")
    func tokens() async throws {
        try await TestSite.run { site in
            let draft = try await site.admin(.get, "/agents/draft")
            let (name, token) = (draft.text("suggested_name"), draft.text("token"))
            #expect(draft.status == 200 && name.split(separator: "-").count == 2 && token.count == 43, "\(draft.body)")
            #expect(draft.text("url") == "http://127.0.0.1:0" && draft.text("warning").contains("Only this machine"))
            #expect(try await site.admin(.get, "/agents").items.isEmpty)
            func link(_ token: String) async throws -> Int {
                try await site.get("/agent/v1/link", headers: ["Authorization": "Bearer \(token)"]).status
            }
            #expect(try await link(token) == 401)
            let made = try await site.admin(.post, "/agents", #"{"name":"\#(name)","token":"\#(token)"}"#)
            #expect(made.status == 201 && made.text("token") == token)
            #expect(try await link(token) == 426)
            let again = try await site.admin(.post, "/agents", #"{"name":"other","token":"\#(token)"}"#)
            #expect(again.status == 400 && again.text("field") == "token", "\(again.body)")

            let path = "/agents/\(made.text("id"))"
            let rotated = try await site.admin(.post, path + "/rotate")
            let new = rotated.text("token")
            #expect(rotated.status == 200 && new.count == 43 && new != token)
            #expect(try await link(new) == 426)
            #expect(try await link(token) == 426, "the old one counts for ten minutes more")
            #expect(try await site.admin(.get, path).json["token"] == nil)
            let last = try await site.admin(.post, path + "/rotate", #"{"now":true}"#).text("token")
            #expect(try await link(last) == 426)
            for gone in [token, new] { #expect(try await link(gone) == 401) }
            #expect(try await site.admin(.post, path + "/rotate", #"{"at_once":true}"#).status == 400)
        }
    }

    @Test(
        "the page of a new agent suggests it whole and stores nothing before Add; another token comes after a question")
    func addPage() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/agents/new")
            let form = try #require(HTMLForm.find("/admin/agents", in: browser.page.body))
            let values = Dictionary(form.fields.map { ($0.name, $0.value) }) { $1 }
            let token = try #require(values["token"])
            #expect(browser.page.body.contains("Nothing is saved until you press Add agent"))
            for text in ["Token = \(token)", "KNOCKNOC_AGENT_SERVER_URL=", "KNOCKNOC_AGENT_TOKEN_FILE:"] {
                #expect(browser.page.body.contains(text), "\(text)")
            }
            #expect(try await site.admin(.get, "/agents").items.isEmpty)
            // A name that is taken gives the form back with the same token.
            _ = try await site.admin(.post, "/agents", #"{"name":"taken"}"#)
            try await browser.submit("/admin/agents", ["name": "taken"])
            #expect(browser.page.status == 409 && browser.page.body.contains("Token = \(token)"))
            try await browser.submit("/admin/agents", ["name": values["name"] ?? ""])
            #expect(browser.page.body.contains("id=\"token\">\(token)<"))
            let agents = try await site.admin(.get, "/agents").items
            let id = try #require(agents.first { $0["name"] as? String == values["name"] }?["id"] as? String)
            #expect(try await site.server.access.agent(token: token)?.description == id)

            try await browser.open("/admin/agents/\(id)")
            try await browser.submit("/admin/agents/\(id)/rotate")
            #expect(browser.page.body.contains("ten minutes more"))
            let before = try await site.server.access.listAudit().count
            try await browser.submit("/admin/agents/\(id)/rotate")
            let new = browser.page.body.components(separatedBy: "id=\"token\">")[1].prefix { $0 != "<" }
            #expect(try await site.server.access.agent(token: String(new))?.description == id)
            #expect(try await site.server.access.listAudit().count == before + 1)
            #expect(try await site.server.access.agent(token: token)?.description == id)
            try await browser.open("/admin/agents/\(id)")
            try await browser.submit("/admin/agents/\(id)/rotate")
            try await browser.submit("/admin/agents/\(id)/rotate", ["now": "true"])
            #expect(browser.page.body.contains("No other counts any more"))
            for gone in [token, String(new)] { #expect(try await site.server.access.agent(token: gone) == nil) }
        }
    }

    @Test("without a script, Ping on the list leads to a page with the answer, and Resync back to the agent's")
    func pages() async throws {
        try await TestSite.run { site in
            let id = try await site.admin(.post, "/agents", #"{"name":"gw"}"#).text("id")
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/agents")
            try await browser.submit("/admin/agents/\(id)/ping")
            #expect(browser.page.body.contains("The agent has never linked."), "\(browser.page.body)")
            try await Self.attach(id, site)
            try await browser.open("/admin/agents/\(id)")
            async let answering: Void = Self.answer(site)
            try await browser.submit("/admin/agents/\(id)/ping")
            try await answering
            #expect(browser.page.body.contains("pong · 1.25 ms via web-9"), "\(browser.page.body)")
            try await browser.open("/admin/agents/\(id)")
            try await browser.submit("/admin/agents/\(id)/resync")
            #expect(browser.path == "/admin/agents/\(id)?done=resynced")
            #expect(browser.page.body.contains("is told everything anew"))
        }
    }

    @Test(
        "the list says of each agent where it is, what it does and what is wrong, and its menu works without a script")
    func list() async throws {
        try await TestSite.run { site in
            let access = site.server.access
            let alice = try await site.makeAlice()
            let id = try #require(AgentID(alice.agent))
            try await Self.attach(alice.agent, site)
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            func cells() async throws -> [String: String] {
                try await browser.open("/admin/agents")
                let cells = browser.page.body.components(separatedBy: "data-label=\"").dropFirst().map { part in
                    let text = part.components(separatedBy: "</td>")[0].drop { $0 != ">" }
                    return (
                        String(part.prefix { $0 != "\"" }),
                        text.dropFirst().replacing(/<[^>]*>/, with: " ").split(separator: " ").joined(separator: " ")
                    )
                }
                return Dictionary(cells) { $1 }
            }
            var shown = try await cells()
            #expect(shown["Agent"] == "gateway" && shown["State"] == "Online" && shown["Machine"] == "gw1 test")
            #expect(shown["Version"] == "1" && shown["Via"] == "web-9" && shown["Entries"] == "0 of 0", "\(shown)")
            #expect(shown["Backends"] == "Waiting dry run" && shown["Linked since"]?.isEmpty == false, "\(shown)")

            // One that is a copy, and another one that failed.
            let hello = AgentMessage.Hello(
                protocolMin: 1, protocolMax: 1, instance: "copy",
                stamp: AgentStamp(boot: "b", time: BootTime(milliseconds: 0)), position: nil, removals: [],
                signingKey: "c2lnbmluZw==", sealingKey: "c2VhbGluZw==", signature: "", version: "0.0.1",
                machine: "gw1", system: "test", capabilities: [:])
            async let second = access.attach(agent: id, hello: hello, node: "web-9", from: IPAddress("192.0.2.7"))
            try await Self.answer(site)
            #expect(try await second == .duplicate)
            let target = try #require(try await access.targets(of: id).first)
            let epoch = try #require(try await access.standings(of: [id])[id])
            try await access.record(
                agent: id, linkEpoch: epoch.linkEpoch,
                applied: [
                    AgentMessage.Applied(
                        linkEpoch: epoch.linkEpoch, revision: epoch.position.revision,
                        failures: [Failure(target: target.id, entry: nil, reason: "no such set")], dryRun: [])
                ])
            shown = try await cells()
            #expect(shown["State"] == "Duplicate a second one came from 192.0.2.7", "\(shown)")
            #expect(shown["Backends"] == "1 of 1 failed dry run", "\(shown)")
            try await browser.open("/admin/agents/\(id)")
            #expect(browser.page.body.contains("with its identity came from 192.0.2.7"))

            try await browser.open("/admin/agents")
            for path in ["", "/rotate", "/delete"] {
                #expect(browser.page.body.contains("href=\"/admin/agents/\(id)\(path)\""), "\(path)")
            }
            try await browser.submit("/admin/agents/\(id)/disable")
            shown = try await cells()
            #expect(shown["State"] == "Disabled" && shown["Via"] == "", "\(shown)")
            try await browser.submit("/admin/agents/\(id)/enable")
            #expect(try await access.agent(id).disabled == false)
        }
    }
}
