import Foundation
import Lab
import Testing

extension WholeSystem {
    @Suite("a script of the administrator's opens and closes") struct ScriptTests {
        /// A folder that root alone can change, as a script needs it; temporary ones are everybody's.
        private static func withScript(_ text: String, _ body: (String) async throws -> Void) async throws {
            let folder = "/run/knocknoc-test-\(UUID().uuidString)"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
            defer { try? FileManager.default.removeItem(atPath: folder) }
            _ = FileManager.default.createFile(
                atPath: folder + "/open", contents: Data(text.utf8), attributes: [.posixPermissions: 0o755])
            try await body(folder)
        }

        private static let script = """
            #!/bin/sh
            [ "$TOKEN" = "hunter2 of the test" ] || { echo "wrong token"; exit 1; }
            case $1 in
                add) nft "add element inet site allowed4 { $3 }" ;;
                del) nft "add element inet site allowed4 { $3 }; delete element inet site allowed4 { $3 }" ;;
                flush) nft flush set inet site allowed4 ;;
            esac

            """

        @Test("a click opens the port, revoking it cuts the flow, and its secret is nowhere", .timeLimit(limit))
        func whole() async throws {
            try await Self.withScript(Self.script) { folder in
                let settings = ["KNOCKNOC_AGENT_CUSTOM_SCRIPTS": "true", "KNOCKNOC_AGENT_SCRIPT_DIRECTORY": folder]
                try await Site.run(.allInOne, environment: settings) { site in
                    try await site.makeSet("allowed", port: 9000)
                    let service = try await Probe.service(on: site.gateway, port: 9000)
                    let group = try await site.make(group: "staff")
                    try await site.make(user: "alice", groups: [group])
                    let knoc = try await site.make(
                        knoc: "service", groups: [group],
                        backend: [
                            "type": "script",
                            "script": ["path": .string(folder + "/open"), "secrets": ["TOKEN": "hunter2 of the test"]],
                            "protocol": "tcp", "ports": [9000],
                        ])
                    try await site.untilTargetsApplied("service")
                    let client = try site.server.client(on: site.alice)
                    #expect(try await client.signIn("alice", Site.password).status == 200)
                    #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000) == false)
                    let granted = try await client.change("POST", knoc)
                    #expect(granted["state"].string == "open", "\(granted)")
                    #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000))
                    #expect(try await Probe.isOpen(from: site.mallory, to: site.gateway.ipv4, port: 9000) == false)
                    let held = try await Probe.connection(from: site.alice, to: site.gateway.ipv4, port: 9000)
                    let revoked = try await client.change("DELETE", knoc)
                    let confirmed = Clock.now
                    #expect(revoked["state"].string == "closed", "\(revoked)")
                    #expect(try await held.bytes(after: confirmed, for: .milliseconds(1000)).isEmpty)
                    #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000) == false)
                    #expect(!(await site.nodes[0].log(10_000)).contains("hunter2"))
                    for probe in [service, held] { await probe.stop() }
                }
            }
        }

        @Test("without CustomScripts in the agent's own configuration nothing is started", .timeLimit(limit))
        func off() async throws {
            try await Self.withScript("#!/bin/sh\ntouch \"$MARK\"\n") { folder in
                try await Site.run(.allInOne) { site in
                    let group = try await site.make(group: "staff")
                    try await site.make(user: "alice", groups: [group])
                    let knoc = try await site.make(
                        knoc: "service", groups: [group],
                        backend: [
                            "type": "script",
                            "script": [
                                "path": .string(folder + "/open"), "environment": ["MARK": .string(folder + "/mark")],
                            ],
                        ])
                    let client = try site.server.client(on: site.alice)
                    #expect(try await client.signIn("alice", Site.password).status == 200)
                    let granted = try await client.change("POST", knoc)
                    #expect(granted["state"].string == "failed", "\(granted)")
                    let shown = try await site.admin.expect(200, "GET", "/api/v1/admin/knocs")["items"].items
                    let reason = shown.first?["targets"].items.first?["reason"].string
                    #expect(reason == "this host's CustomScripts is not true")
                    #expect(!FileManager.default.fileExists(atPath: folder + "/mark"))
                }
            }
        }
    }
}
