import Foundation
import Glibc
import Lab
import Testing

extension WholeSystem {
    @Suite("behind nginx, as docs/high-availability.md shows it") struct NginxTests {
        /// The only block of that language, with the lab's addresses and a folder of its own.
        static func configuration(_ folder: String) throws -> String {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().deletingLastPathComponent()
            let page = try String(contentsOf: root.appendingPathComponent("docs/high-availability.md"), encoding: .utf8)
            let start = try #require(page.range(of: "```nginx\n"))
            let end = try #require(page.range(of: "\n```\n", range: start.upperBound..<page.endIndex))
            let block = page[start.upperBound..<end.lowerBound].replacingOccurrences(of: "192.0.2.", with: "10.77.0.")
                .replacingOccurrences(of: "/etc/nginx/", with: folder + "/")
            return """
                daemon off;
                pid \(folder)/pid;
                error_log stderr;
                events {}
                http {
                access_log off;
                \(block)
                }

                """
        }

        @Test("sessions stay and go on, addresses are right, updates and links pass", .timeLimit(limit))
        func nginx() async throws {
            let environment = [
                "KNOCKNOC_PUBLIC_URL": "https://knocknoc.test", "KNOCKNOC_TRUSTED_FORWARDERS": "10.77.0.40/32",
            ]
            try await Site.run(.twoNodes, environment: environment) { site in
                let host = try await site.another("l", 40)
                let folder = try Lab.temporaryFolder("nginx", readable: true)
                defer { try? FileManager.default.removeItem(at: folder) }
                try Data(Self.configuration(folder.path).utf8).write(to: folder.appendingPathComponent("conf"))
                try await Shell.check([
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=knocknoc.test", "-addext",
                    "subjectAltName=DNS:knocknoc.test,IP:10.77.0.40",
                    "-keyout", folder.path + "/key", "-out",
                    folder.path + "/cert",
                ])
                let certificate = try String(contentsOfFile: folder.path + "/cert", encoding: .utf8)
                let key = try String(contentsOfFile: folder.path + "/key", encoding: .utf8)
                try Data((certificate + key).utf8).write(to: folder.appendingPathComponent("portal.pem"))
                try Data(try site.nodeCertificate().utf8).write(to: folder.appendingPathComponent("knocknoc-nodes.pem"))
                let nginx = try host.start(["nginx", "-c", folder.path + "/conf", "-e", "stderr"])
                try await Probe.watch(from: site.alice, to: host.ipv4, port: 443).until(open: true)

                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                let alice = try WebClient(on: site.alice, base: "https://knocknoc.test:443", address: host.ipv4)
                let spoofed = try await alice.send(
                    "POST", "/api/v1/login",
                    headers: [("X-Forwarded-For", "10.77.0.3"), ("Forwarded", "for=10.77.0.3")],
                    body: JSON.object(["username": "alice", "password": .string(Site.password)]).description)
                #expect(spoofed.status == 200, "\(spoofed)\n\(nginx.errorText)")
                await alice.use(token: spoofed.json["token"].string)
                let session = try await alice.expect(200, "GET", "/api/v1/me")["session"]
                #expect(session["address"].string == site.alice.ipv4, "\(session)")
                for _ in 1...20 { #expect(try await alice.get("/api/v1/me").status == 200) }
                var counts: [Int] = []
                for node in site.nodes {
                    counts.append(await node.log(.max).split(separator: "\n").count { $0.contains("path=/api/v1/me ") })
                }
                #expect(counts.sorted() == [0, 21], "\(counts)")

                let stream = try Stream(from: site.alice, to: host.ipv4, token: try #require(await alice.token))
                try await stream.line(holding: "retry:")
                #expect(try await alice.change("POST", knoc)["state"].string == "open")
                try await stream.line(holding: "\"open\"")
                await stream.stop()

                let agent = try #require(site.agent)
                await agent.stop(SIGTERM)
                await agent.set("KNOCKNOC_AGENT_SERVER_URL", "https://\(host.ipv4)")
                let shown = try await Shell.check(
                    ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", folder.path + "/cert"]
                ).text
                await agent.set(
                    "KNOCKNOC_AGENT_TLS_FINGERPRINT",
                    String(shown.split(separator: "=").last?.filter { !$0.isWhitespace } ?? ""))
                try await agent.start()
                try await site.untilAgentIsOnline()

                await site.nodes[1].stop(SIGKILL)
                #expect(try await alice.get("/api/v1/me").status == 200, "\(nginx.errorText)")
                try await site.untilAgentIs(at: site.nodes[0].host.namespace)
                #expect(try await alice.change("DELETE", knoc)["state"].string == "closed")
                await nginx.stop()
            }
        }
    }
}
