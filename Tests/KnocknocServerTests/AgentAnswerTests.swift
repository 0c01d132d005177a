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
    static func attach(_ id: String, _ site: TestSite, node: String = "web-9") async throws {
        let hello = AgentMessage.Hello(
            protocolMin: 1, protocolMax: 1, instance: "i",
            stamp: AgentStamp(boot: "b", time: BootTime(milliseconds: 0)), position: nil, removals: [],
            signingKey: "c2lnbmluZw==", sealingKey: "c2VhbGluZw==", signature: "", version: "1", machine: "gw1",
            system: "test", capabilities: [:])
        _ = try await site.server.access.attach(agent: try #require(AgentID(id)), hello: hello, node: node)
    }

    /// Answers the next ping as the node would that holds the link.
    static func answer(_ site: TestSite, node: String = "web-9") async throws {
        while true {
            if let asked = try await site.server.access.waitingPings().first {
                return try await site.server.access.answer(asked.id, roundTrip: .microseconds(1250), node: node)
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
}
