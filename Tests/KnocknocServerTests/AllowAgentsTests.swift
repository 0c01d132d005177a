import Foundation
import HTTPTypes
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("AllowAgents")
struct AllowAgentsTests {
    /// The status of a request to become a WebSocket.
    private static func upgrade(_ site: TestSite, _ token: String) async throws -> String {
        let headers = [
            "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Authorization: Bearer \(token)",
        ]
        let home = TemporaryDirectory()
        let options = headers.map { "-H '\($0)'" }.joined(separator: " ")
        // A link that stands is silent after its first words; its status is there by then.
        let asked = try await Shell.run(
            "curl -s -o /dev/null -w '%{http_code}' -m 5 \(options) http://127.0.0.1:\(site.port)/agent/v1/link || true",
            in: home.path)
        return asked.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("a node for people only has no link and no package, whoever asks, and says so to its administrator")
    func shut() async throws {
        let shelf = TemporaryDirectory()
        for allows in [true, false] {
            try await TestSite.run({
                $0.allowAgents = allows
                $0.downloadDirectory = shelf.path
            }) { site in
                let token = try await site.admin(.post, "/agents", #"{"name":"gw"}"#).text("token")
                let bearer = ["Authorization": "Bearer \(token)"]
                let link = try await site.get("/agent/v1/link", headers: bearer).status
                #expect(link == (allows ? 426 : 404))
                #expect(try await Self.upgrade(site, token) == (allows ? "101" : "404"))
                let package = try await site.get("/agent/v1/package/amd64")
                #expect(package.status == (allows ? 401 : 404))
                let warning = try await site.admin(.get, "/agents/draft").text("warning")
                #expect(warning.contains("AllowAgents") == !allows, "\(warning)")
                let browser = PaperBrowser(site)
                try await browser.signInAsAdmin()
                try await browser.open("/admin/agents/new")
                #expect(browser.page.body.contains("This node lets no agents in") == !allows)
            }
        }
    }

    @Test("another node's address may be given to new agents by one that lets none in")
    func elsewhere() {
        let own = TokenPageTests.address(agentURL: "https://node.test:8756", allowAgents: false)
        #expect(own.isShut && own.warning?.contains("AllowAgents") == true)
        let other = TokenPageTests.address(agentURL: "https://agents.test", allowAgents: false)
        #expect(!other.isShut && other.warning == nil)
        #expect(!TokenPageTests.address(agentURL: "https://node.test:8756").isShut)
    }
}
