import Foundation
import HTTPTypes
import Testing

@testable import KnocknocServer

@Suite("Zones and agents' parts, as scripts and administrators see them")
struct ZoneAPITests {
    private static let item = #"{"zone":"office","backend":{"type":"dry-run"}}"#

    @Test("a Knoc says its zones, its placement and when it closes without a server, and comes back as it was said")
    func json() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let made = try await site.admin(
                .post, "/knocs",
                #"{"name":"Wiki","zones":["office","!lab"],"placement":"one","close_after_seconds":90,"#
                    + #""enforcement":[\#(Self.item)]}"#)
            #expect(made.status == 201)
            let path = "/knocs/\(made.text("id"))"
            for knoc in [made, try await site.admin(.get, path)] {
                #expect(knoc.json["zones"] as? [String] == ["office", "!lab"])
                #expect(knoc.text("placement") == "one")
                #expect(knoc.json["close_after_seconds"] as? Int == 90)
                let items = try #require(knoc.json["enforcement"] as? [[String: Any]])
                #expect(items.map { $0["zone"] as? String } == ["office"] && items[0]["agent_id"] == nil)
            }
            let changed = try await site.admin(
                .patch, path, #"{"zones":[],"placement":"all","close_after_seconds":null}"#)
            #expect(changed.json["zones"] as? [String] == [] && changed.text("placement") == "all")
            #expect(changed.json["close_after_seconds"] is NSNull)
            #expect((changed.json["enforcement"] as? [[String: Any]])?.first?["zone"] as? String == "office")
        }
    }

    @Test(
        "what cannot be names its field and what was expected",
        arguments: [
            (#"{"name":"X","enforcement":[{"backend":{"type":"dry-run"}}]}"#, "agent_id", "one of both"),
            (
                #"{"name":"X","enforcement":[{"agent_id":"00000000-0000-7000-8000-000000000009","zone":"a","#
                    + #""backend":{"type":"dry-run"}}]}"#, "agent_id", "one of both"
            ),
            (#"{"name":"X","enforcement":[{"zone":"!a","backend":{"type":"dry-run"}}]}"#, "zone", "! < *"),
            (#"{"name":"X","zones":["<edges>"]}"#, "zones", "! < *"),
            (#"{"name":"X","placement":"some"}"#, "placement", #"expected one of "all", "one""#),
            (#"{"name":"X","close_after_seconds":5}"#, "close_after_seconds", "expected 30 to"),
        ])
    func refused(_ body: String, _ field: String, _ expected: String) async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let answer = try await site.admin(.post, "/knocs", body)
            #expect(answer.status >= 400 && answer.status < 500)
            #expect(answer.text("field").contains(field) == true, "\(answer.body)")
            #expect(answer.text("detail").contains(expected) == true, "\(answer.body)")
        }
    }

    @Test("the form says the same, shows what was saved, and saving it unchanged changes nothing")
    func form() async throws {
        try await TestSite.run { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            _ = try await site.admin(.post, "/agents", #"{"name":"gw","zone":"office"}"#)
            try await browser.open("/admin/knocs/new")
            let typed = [
                "name": "Wiki", "zones": " office,  !the lab", "placement": "one", "close_after_seconds": "90s",
                "at.zone.0.backend": "guard", "at.zone.0.ports": "9000",
            ]
            try await browser.submit("/admin/knocs", typed)
            #expect(browser.page.status == 422 && browser.page.body.contains("f-at-zone-0-zone-error"))
            try await browser.submit("/admin/knocs", ["at.zone.0.zone": "office"])
            let knoc = try #require(try await site.admin(.get, "/knocs").items.first)
            #expect(knoc["zones"] as? [String] == ["office", "!the lab"])
            #expect(knoc["placement"] as? String == "one" && knoc["close_after_seconds"] as? Int == 90)
            #expect((knoc["enforcement"] as? [[String: Any]])?.map { $0["zone"] as? String } == ["office"])
            let path = "/admin/knocs/\(knoc["id"] ?? "")"
            try await browser.open(path)
            let form = try #require(HTMLForm.find(path, in: browser.page.body))
            let values = Dictionary(form.fields.map { ($0.name, $0.value) }) { $1 }
            #expect(values["zones"] == "office, !the lab" && values["close_after_seconds"] == "1m 30s")
            #expect(values["placement"] == "one" && values["at.zone.0.zone"] == "office")
            #expect(values["at.zone.1.backend"] != nil, "another zone can be added")
            #expect(browser.page.body.contains("What happens when access ends"))
            #expect(browser.page.body.contains("ends on time, established flows too"))
            try await browser.submit(path)
            let after = try #require(try await site.admin(.get, "/knocs").items.first)
            for field in ["zones", "enforcement"] {
                #expect(after[field] as? NSArray == knoc[field] as? NSArray)
            }
            try await browser.open("/admin/knocs/new")
            for (typed, field) in [
                (["name": "X", "zones": "!"], "zones"), (["name": "X", "close_after_seconds": "5s"], "close-after"),
            ] {
                try await browser.submit("/admin/knocs", typed)
                #expect(browser.page.status == 422 && browser.page.body.contains("f-\(field)"), "\(field)")
                try await browser.open("/admin/knocs/new")
            }
        }
    }

    @Test("a grant says what each agent has done about it, in the API and on its page")
    func parts() async throws {
        try await TestSite.run { site in
            let alice = try await site.makeAlice()
            _ = try await site.post("/api/v1/me/knocs/\(alice.knoc)/grant", headers: alice.bearer)
            let grant = try #require(try await site.admin(.get, "/grants").items.first)
            let agents = try #require(grant["agents"] as? [[String: Any]])
            #expect(agents.map { $0["agent_name"] as? String } == ["gateway"])
            #expect(agents[0]["state"] as? String == "pending" && agents[0]["reason"] as? String == "not connected")
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/grants")
            #expect(browser.page.body.contains("0 of 1"))
            #expect(browser.page.body.contains("gateway: pending, not connected"))
            try await browser.open("/admin/knocs/\(alice.knoc)")
            #expect(browser.page.body.contains("not connected") && browser.page.body.contains("0 of 1"))
            #expect(browser.page.body.contains("nothing is changed"))
        }
    }
}
