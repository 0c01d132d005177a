import Crypto
import Foundation
import HTTPTypes
import KnocknocAccess
import KnocknocModel
import KnocknocProtocol
import Logging
import Synchronization
import Testing

@testable import KnocknocServer

@Suite("secrets of scripts, from a request to the database")
struct SecretTests {
    private static let secret = "hunter2-Zq9xV0pL"

    /// Keeps every line.
    private struct Recorder: LogHandler {
        let lines: LogLines
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.add("\(event.message) \(event.metadata ?? [:])") }
    }

    private static func attached(_ site: TestSite) async throws -> String {
        let agent = try await site.admin(.post, "/agents", #"{"name":"gw"}"#).text("id")
        let key = Curve25519.KeyAgreement.PrivateKey().publicKey.rawRepresentation.base64EncodedString()
        let hello = AgentMessage.Hello(
            protocolMin: 1, protocolMax: 1, instance: "i",
            stamp: AgentStamp(boot: "b", time: BootTime(milliseconds: 0)), position: nil, removals: [],
            signingKey: "c2lnbmluZw==", sealingKey: key, signature: "", version: "1", machine: "gw", system: "test",
            capabilities: [:])
        _ = try await site.server.access.attach(agent: try #require(AgentID(agent)), hello: hello, node: "test")
        return agent
    }

    @Test("no plaintext is in any answer, page, log line or byte of the database")
    func nowhere() async throws {
        let directory = TemporaryDirectory()
        let lines = LogLines()
        try await TestSite.run(in: directory, log: { _ in Recorder(lines: lines) }) { site in
            let agent = try await Self.attached(site)
            let body = { (script: String) in
                #"{"name":"Wiki","enforcement":[{"agent_id":"\#(agent)","backend":{"type":"script","script":\#(script)}}]}"#
            }
            var answers = [
                try await site.admin(
                    .post, "/knocs", body(#"{"path":"/opt/x","secrets":{"TOKEN":"\#(Self.secret)"}}"#)),
                // Wrong in every way that could be answered with what was sent.
                try await site.admin(
                    .post, "/knocs", body(#"{"path":"/opt/x","secrets":{"TOKEN":"\#(Self.secret)"},"x":1}"#)),
                try await site.admin(.post, "/knocs", body(#"{"path":"/opt/x","secrets":"\#(Self.secret)"}"#)),
                try await site.admin(
                    .post, "/knocs", body(#"{"path":"/opt/x","secrets":{"A":["\#(Self.secret)"]}}"#)),
                try await site.admin(
                    .post, "/knocs", body(#"{"path":"/opt/x","secrets":{"A":"\#(Self.secret)\u0000"}}"#)),
            ]
            #expect(answers[0].status == 201 && answers.dropFirst().allSatisfy { (400..<500).contains($0.status) })
            let knoc = answers[0].text("id")
            #expect(answers[0].body.contains(#""sealed":{"TOKEN":"1."#))
            let browser = PaperBrowser(site)
            try await browser.signInAsAdmin()
            try await browser.open("/admin/knocs/\(knoc)")
            let name = "at.\(agent).0."
            // Refused, and shown again: but for what is secret.
            try await browser.submit(
                "/admin/knocs/\(knoc)",
                [name + "secrets": "OTHER=\(Self.secret)\n\(Self.secret)", name + "script_name": "vpn"])
            #expect(browser.page.body.contains("A line is not NAME=VALUE"))
            #expect(browser.page.body.contains("value=\"vpn\""))
            answers.append(browser.page)
            try await browser.open("/admin/knocs/\(knoc)")
            try await browser.submit("/admin/knocs/\(knoc)", [name + "secrets": "OTHER=\(Self.secret)"])
            answers.append(browser.page)
            try await browser.open("/admin/knocs/\(knoc)")
            answers.append(browser.page)
            let stored = try await site.admin(.get, "/knocs/\(knoc)")
            #expect(stored.body.contains(#""OTHER":"1."#) && stored.body.contains(#""TOKEN":"1."#))
            try await browser.submit("/admin/knocs/\(knoc)", [name + "secrets": "OTHER="])
            let without = try await site.admin(.get, "/knocs/\(knoc)")
            #expect(!without.body.contains(#""OTHER":"#) && without.body.contains(#""TOKEN":"1."#))
            answers += [stored, without, try await site.admin(.get, "/audit?limit=100")]
            for answer in answers { #expect(!answer.body.contains(Self.secret)) }
        }
        let said = lines.all
        #expect(!said.isEmpty)
        #expect(!said.contains { $0.contains(Self.secret) })
        let files = try FileManager.default.subpathsOfDirectory(atPath: directory.path)
        #expect(files.contains { $0.hasSuffix("knocknoc.db") })
        for file in files {
            let data = FileManager.default.contents(atPath: directory.path + "/" + file) ?? Data()
            #expect(data.range(of: Data(Self.secret.utf8)) == nil, "\(file)")
        }
    }
}

/// The lines of several log handlers.
private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
