import Foundation
import HTTPTypes
import KnocknocAccess
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("AgentsDir")
struct AgentsDirectoryTests {
    private static let hash = "sha256:" + String(repeating: "0f", count: 32)

    private func settings(_ directory: String?) -> ServerSettings {
        var settings = ServerSettings(
            listen: ListenAddress(host: "127.0.0.1", port: 0), databaseURL: "sqlite:///nowhere",
            dataDirectory: "/nowhere", nodeName: "test")
        settings.agentsDirectory = directory
        return settings
    }

    private func read(_ files: [String: String]) throws -> [DeclaredAgent] {
        let folder = TemporaryDirectory()
        for (name, text) in files {
            try text.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
        }
        var settings = settings(folder.path)
        try AgentsDirectory.read(into: &settings)
        return settings.declaredAgents
    }

    @Test("each file is an agent, by its own name or the file's")
    func files() throws {
        let agents = try read([
            "b.conf": "Name = gw1\nZone = eu\nTokenHash = \(Self.hash)", "a.conf": "TokenHash = \(Self.hash)",
            "README": "not one", "c.conf.off": "nor this",
        ])
        let hash = [UInt8](repeating: 15, count: 32)
        #expect(
            agents == [
                DeclaredAgent(name: "a", tokenHash: hash), DeclaredAgent(name: "gw1", zone: "eu", tokenHash: hash),
            ])
    }

    @Test(
        "what is wrong is said with file and line, and no hash is repeated",
        arguments: [
            (["a.conf": "Zone = eu"], "a.conf: TokenHash is missing"),
            (["a.conf": "TokenHash = s3cret"], "a.conf:1: TokenHash: the value cannot be used"),
            (["a.conf": "TokenHash = \(String(repeating: "s3cret", count: 10))"], "expected sha256:"),
            (["a.conf": "TokenHash = \(hash)\nZoen = eu"], "a.conf:2: unknown key \"Zoen\"; did you mean Zone?"),
            (
                ["a.conf": "Name = GW\nTokenHash = \(hash)", "gw.conf": "TokenHash = \(hash)"],
                "a.conf declares an agent named gw too"
            ),
        ])
    func wrong(_ files: [String: String], _ expected: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(files) }
        #expect(error?.description.contains(expected) == true, "\(String(describing: error))")
        #expect(error?.description.contains("s3cret") == false)
    }

    @Test("a directory that was given has to be there, the usual one need not")
    func missing() throws {
        var given = settings("/nowhere/agents.d")
        #expect(throws: ConfigurationError.self) { try AgentsDirectory.read(into: &given) }
        var usual = settings(nil)
        if !FileManager.default.fileExists(atPath: ServerSettings.standardAgentsDirectory) {
            try AgentsDirectory.read(into: &usual)
            #expect(usual.declaredAgents.isEmpty)
        }
    }

    @Test("a node makes them before it answers; changing one is 409, and its page says where it stands")
    func served() async throws {
        let token = String(repeating: "t", count: 43)
        let digest = try #require(AgentTokenList.hashes(token)?.first)
        try await TestSite.run({
            $0.declaredAgents = [DeclaredAgent(name: "gw1", zone: "eu", tokenHash: digest)]
        }) { site in
            let listed = try await site.admin(.get, "/agents")
            let agent = try #require(
                (listed.json["items"] as? [[String: Any]])?.first { $0["name"] as? String == "gw1" })
            #expect(agent["declared_by"] as? String == "test")
            let path = "/agents/\(try #require(agent["id"] as? String))"
            #expect(
                try await site.get("/agent/v1/link", headers: ["Authorization": "Bearer \(token)"]).status == 426)
            let refused = try await site.admin(.patch, path, #"{"zone":"us"}"#)
            #expect(refused.status == 409 && refused.text("type") == "urn:knocknoc:problem:declared")
            #expect(try await site.admin(.delete, path).status == 409)
            #expect(try await site.admin(.post, path + "/rotate").status == 409)
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/agents")
            #expect(browser.page.body.contains("config"))
            #expect(!browser.page.body.contains("/admin\(path)/rotate"))
            try await browser.open("/admin" + path)
            #expect(browser.page.body.contains("by a file in AgentsDir of web node test"))
        }
    }
}
