import Crypto
import Foundation
import HTTPTypes
import KnocknocAccess
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("the agent's package for the holder of a token")
struct DownloadTests {
    static let path = "/agent/v1/package"
    static let package = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })

    /// A folder with a package for this machine's architecture.
    private static func shelf() async throws -> (folder: TemporaryDirectory, architecture: String) {
        let folder = TemporaryDirectory()
        let architecture = try await Shell.run("dpkg --print-architecture", in: folder.path).text
            .trimmingCharacters(in: .whitespacesAndNewlines)
        try package.write(to: URL(filePath: "\(folder.path)/knocknoc-agent_0.2.0_\(architecture).deb"))
        try Data("old".utf8).write(to: URL(filePath: "\(folder.path)/knocknoc-agent_0.1.9_\(architecture).deb"))
        return (folder, architecture)
    }

    /// The commands as a page shows them, for somebody whose address of the site is another one.
    private static func script(_ page: String, port: Int) throws -> String {
        let start = try #require(page.range(of: "<pre id=\"fetch\">"))
        let text = page[start.upperBound...].components(separatedBy: "</pre>")[0]
        let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        return escapes.reduce(text) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
            .replacingOccurrences(of: "127.0.0.1:0/", with: "127.0.0.1:\(port)/")
    }

    /// Types the commands of a page, with a `sudo` that writes down what it was to do.
    private static func type(_ script: String, token: String, in folder: String) async throws -> Shell.Result {
        let sudo = folder + "/sudo"
        try "#!/bin/sh\necho \"$@\" >>\"$HOME/done\"\n".write(toFile: sudo, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: sudo)
        return try await Shell.run(script, in: folder, input: token + "\n")
    }

    private static func file(_ name: String, _ folder: TemporaryDirectory) -> Data? {
        FileManager.default.contents(atPath: folder.path + "/" + name)
    }

    @Test(
        "the commands of the page of a new agent fetch the newest package, compare it and install it",
        .timeLimit(.minutes(5)))
    func page() async throws {
        let (shelf, _) = try await Self.shelf()
        try await TestSite.run({ $0.downloadDirectory = shelf.path }) { site in
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/agents/new")
            let form = try #require(HTMLForm.find("/admin/agents", in: browser.page.body))
            let token = try #require(form.fields.first { $0.name == "token" }?.value)
            let script = try Self.script(browser.page.body, port: site.port)
            #expect(!script.contains(token))
            let home = TemporaryDirectory()
            // Before Add the token is nobody's.
            let early = try await Self.type(script, token: token, in: home.path)
            #expect(early.status != 0 && early.errors.contains("401"), "\(early)")
            #expect(Self.file("done", home) == nil && Self.file("knocknoc-agent.deb", home) == nil)
            try await browser.submit("/admin/agents", ["name": "gw"])
            #expect(try Self.script(browser.page.body, port: site.port) == script)
            let typed = try await Self.type(script, token: token, in: home.path)
            #expect(typed.status == 0 && typed.text.contains("knocknoc-agent.deb: OK"), "\(typed)")
            #expect(Self.file("knocknoc-agent.deb", home) == Self.package)
            #expect(Self.file("done", home) == Data("apt-get install ./knocknoc-agent.deb\n".utf8))
        }
        withExtendedLifetime(shelf) {}
    }

    @Test("over a certificate of our own curl pins its key, and another key is refused", .timeLimit(.minutes(5)))
    func pinned() async throws {
        let (shelf, architecture) = try await Self.shelf()
        try await TestSite.run({ settings in
            settings.downloadDirectory = shelf.path
            settings.tls = .selfSigned(names: [])
        }) { site in
            let token = try await site.admin(.post, "/agents", #"{"name":"gw"}"#).text("token")
            func page(_ pin: String?) throws -> String {
                let address = AgentAddress(
                    site.server.settings, local: IPAddress("127.0.0.1"), fingerprint: site.server.live.fingerprint,
                    pin: pin)
                return try Renderer().text(
                    "agent-token",
                    TokenPage(
                        frame: Samples.frame(), heading: Heading(title: "Agent"),
                        install: AgentInstall(token: token, address: address, architectures: [architecture]),
                        done: "/"))
            }
            let home = TemporaryDirectory()
            let script = try Self.script(try page(site.server.live.pin), port: site.port)
            #expect(script.contains("-k --pinnedpubkey 'sha256//"))
            let typed = try await Self.type(script, token: token, in: home.path)
            #expect(typed.status == 0, "\(typed)")
            #expect(Self.file("knocknoc-agent.deb", home) == Self.package)
            let other = TemporaryDirectory()
            let wrong = try Self.script(
                try page(Data(repeating: 7, count: 32).base64EncodedString()), port: site.port)
            let refused = try await Self.type(wrong, token: token, in: other.path)
            #expect(refused.status != 0 && refused.errors.contains("(90)"), "\(refused)")
            #expect(Self.file("done", other) == nil)
        }
        withExtendedLifetime(shelf) {}
    }

    @Test("a wrong, disabled or replaced token gets nothing, by whichever way, and is audited once")
    func refused() async throws {
        let (shelf, architecture) = try await Self.shelf()
        try await TestSite.run({ $0.downloadDirectory = shelf.path }) { site in
            let made = try await site.admin(.post, "/agents", #"{"name":"gw"}"#)
            let path = "\(Self.path)/\(architecture)"
            func ask(_ path: String, _ token: String?) async throws -> Answer {
                try await site.get(path, headers: token.map { ["Authorization": "Bearer \($0)"] } ?? [:])
            }
            for part in [path, path + "/sha256", "\(Self.path)/nothing"] {
                for token in [nil, "wrong", site.adminToken] as [String?] {
                    #expect(try await ask(part, token).status == 401, "\(part)")
                }
                #expect(try await ask("\(part)?token=\(made.text("token"))", nil).status == 401)
            }
            let lines = try await site.server.access.listAudit().filter { $0.action == "agent.token_refused" }
            #expect(lines.count == 1 && lines.first?.details["reason"] == "no agent has this token")
            let other = try await ask("\(Self.path)/m68k", made.text("token"))
            #expect(other.status == 404 && other.text("detail").contains(architecture), "\(other.body)")
            for name in ["..", "%2e%2e", "..%2f..%2fetc"] {
                #expect(try await ask("\(Self.path)/\(name)", made.text("token")).status >= 400)
            }
            let id = made.text("id")
            #expect(try await ask(path, made.text("token")).status == 200)
            #expect(try await site.admin(.patch, "/agents/\(id)", #"{"disabled":true}"#).status == 200)
            #expect(try await ask(path, made.text("token")).status == 401)
        }
        withExtendedLifetime(shelf) {}
    }

    @Test("a token of the configuration counts; without DownloadDir there is nothing, and no page says so")
    func listed() async throws {
        let token = "kna_" + String(repeating: "x", count: 43)
        try await TestSite.run({ $0.agentTokens = AgentTokenList.hashes(token) ?? [] }) { site in
            let answer = try await site.get(Self.path + "/amd64", headers: ["Authorization": "Bearer \(token)"])
            #expect(answer.status == 404 && answer.text("detail").contains("DownloadDir"), "\(answer.body)")
            #expect(try await site.admin(.get, "/agents").items.isEmpty)
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/agents/new")
            #expect(browser.page.body.contains("id=\"conf\"") && !browser.page.body.contains("id=\"fetch\""))
        }
    }

    @Test("of several packages of one architecture the newest counts, and a new one is seen at once")
    func newest() async throws {
        let folder = TemporaryDirectory()
        let packages = PackageFolder(folder.path)
        #expect(await packages.packages().isEmpty)
        func put(_ name: String, _ text: String) throws {
            try Data(text.utf8).write(to: URL(filePath: folder.path + "/" + name))
        }
        let names = [
            "knocknoc-agent_0.9.0_amd64.deb", "knocknoc-agent_0.10.0_amd64.deb", "knocknoc-agent_0.2.0_arm64.deb",
            "knocknoc_0.11.0_amd64.deb", "knocknoc-agent_0.12.0_amd64.deb.part", "knocknoc-agent__amd64.deb",
        ]
        for name in names { try put(name, name) }
        let found = await packages.packages()
        #expect(found.map(\.version) == ["0.10.0", "0.2.0"] && found.map(\.architecture) == ["amd64", "arm64"])
        let first = try await packages.checksum(of: found[0])
        #expect(first == SHA256.hash(data: Data(names[1].utf8)).map { String(format: "%02x", $0) }.joined())
        try FileManager.default.removeItem(atPath: found[0].path)
        try put(names[1], "built anew")
        #expect(try await packages.checksum(of: found[0]) != first)
        try FileManager.default.removeItem(atPath: found[0].path)
        await #expect(throws: (any Error).self) { try await packages.checksum(of: found[0]) }
    }
}
