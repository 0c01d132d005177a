import Foundation
import Lab
import Testing

extension WholeSystem {
    @Suite("how agents come to a site") struct EnrolmentTests {
        /// Settings for an agent beside the site's own one.
        private static func settings(
            _ site: Site, _ name: String, _ changes: [String: String]
        ) async throws -> [String: String] {
            var environment = await (try #require(site.agent)).environment
            let folder = site.folder.path + "/" + name
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            environment["KNOCKNOC_AGENT_STATE_FILE"] = folder + "/state.json"
            environment["KNOCKNOC_AGENT_NAME"] = name
            return environment.merging(changes) { $1 }
        }

        private static func agents(_ site: Site) async throws -> [JSON] {
            try await site.admin.expect(200, "GET", "/api/v1/admin/agents")["items"].items
        }

        private static func refusals(_ site: Site) async throws -> [JSON] {
            let audit = try await site.admin.expect(200, "GET", "/api/v1/admin/audit?limit=500")["items"].items
            return audit.filter { $0["action"].string == "agent.token_refused" }
        }

        @Test("an agent with a wrong token never gets in, and one line a minute says so", .timeLimit(limit))
        func wrongToken() async throws {
            try await Site.run(.twoNodes) { site in
                let token = "kna_" + String(repeating: "wrong", count: 9)
                let began = Clock.now
                let settings = try await Self.settings(site, "wrong", ["KNOCKNOC_AGENT_TOKEN": token])
                let agent = AgentProcess(on: site.mallory, environment: settings)
                try await agent.start()
                // Each round asks both nodes.
                try await agent.until("it is refused four times") { log in
                    log.components(separatedBy: "does not accept the token").count > 4
                }
                let lines = try await Self.refusals(site)
                #expect(lines.count >= 1 && lines.count <= 1 + Int((Clock.now - began) / 60), "\(lines)")
                #expect(lines.first?["details"]["reason"].string == "no agent has this token", "\(lines)")
                #expect(lines.first?["address"].string == site.mallory.ipv4, "\(lines)")
                #expect(try await Self.agents(site).compactMap { $0["name"].string } == ["gateway"])
                for node in site.nodes { #expect(!(await node.log(10_000)).contains(token)) }
                #expect(!(await agent.log(10_000)).contains(token))
                await agent.stop(SIGKILL)
            }
        }

        @Test("a token of the configuration enrols the first agent that comes with it, and no other", .timeLimit(limit))
        func listedToken() async throws {
            let token = "kna_" + String(repeating: "listed-", count: 7)
            let hash = try await Shell.check(["sha256sum"], input: token).text.prefix { $0 != " " }
            let settings = ["KNOCKNOC_AGENT_TOKENS": "sha256:\(hash)"]
            try await Site.run(.twoNodes, environment: settings) { site in
                let ids = ["0190a000-0000-7000-8000-00000000000a", "0190a000-0000-7000-8000-00000000000b"]
                let first = AgentProcess(
                    on: site.mallory,
                    environment: try await Self.settings(
                        site, "first", ["KNOCKNOC_AGENT_TOKEN": token, "KNOCKNOC_AGENT_ID": ids[0]]))
                try await first.start()
                try await first.until("it is linked") { $0.contains("linked") }
                let end = Clock.now + 60
                var seen: JSON = .null
                while Clock.now < end, seen["status"].string != "online" {
                    seen = try await Self.agents(site).first { $0["id"].string == ids[0] } ?? .null
                }
                #expect(seen["status"].string == "online" && seen["name"].string == "first", "\(seen)")
                let second = AgentProcess(
                    on: site.alice,
                    environment: try await Self.settings(
                        site, "second", ["KNOCKNOC_AGENT_TOKEN": token, "KNOCKNOC_AGENT_ID": ids[1]]))
                try await second.start()
                try await second.until("it is refused") { $0.contains("does not accept the token") }
                let line = try #require(try await Self.refusals(site).first)
                #expect(line["details"]["claims"].string == ids[1] && line["subject_id"].string == ids[0], "\(line)")
                #expect(try await Self.agents(site).count == 2)
                for agent in [first, second] { await agent.stop(SIGKILL) }
            }
        }

        @Test("a link ends with its token, what is open stays open, and the new token is let in", .timeLimit(limit))
        func rotated() async throws {
            try await Site.run(.twoNodes) { site in
                let agent = try #require(site.agent)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                try await site.untilTargetsApplied("service")
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                #expect(try await client.change("POST", knoc)["state"].string == "open")
                let path = "/api/v1/admin/agents/\(site.agentID)/rotate"
                let before = try await site.agentRecord()
                // A second rotation leaves the overlap of the first.
                let first = try await site.admin.expect(200, "POST", path)["token"].string
                _ = try await site.admin.expect(200, "POST", path)
                await agent.stop(SIGKILL)
                try await agent.start()
                try await site.untilAgentIsLinkedAnew(since: before)
                let body: JSON = ["now": true]
                let second = try #require(try await site.admin.expect(200, "POST", path, body)["token"].string)
                try await site.untilAgent("offline")
                try await agent.until("it is refused") { $0.contains("does not accept the token") }
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000))
                #expect(try await Probe.isOpen(from: site.mallory, to: site.gateway.ipv4, port: 9000) == false)
                await agent.stop(SIGTERM)
                await agent.set("KNOCKNOC_AGENT_TOKEN", second)
                try await agent.start()
                try await site.untilAgentIsOnline()
                #expect(first != second)
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000))
                await service.stop()
            }
        }

        @Test("KNOCKNOC_ROLE makes one program a server or an agent", .timeLimit(limit))
        func role() async throws {
            try await Site.run(.twoNodes) { site in
                let program = [Lab.executable("knocknoc")]
                let agent = try #require(site.agent)
                let before = try await site.agentRecord()
                for node in site.nodes {
                    await node.stop(SIGKILL)
                    await node.set("KNOCKNOC_ROLE", "server")
                    await node.use(program)
                    try await node.start()
                }
                await agent.stop(SIGKILL)
                await agent.set("KNOCKNOC_ROLE", "agent")
                await agent.use(program)
                let process = try await agent.start()
                try await site.untilAgentIsLinkedAnew(since: before)
                let name = try await Shell.check(["cat", "/proc/\(process.pid)/comm"]).line
                #expect(name.hasPrefix("knocknoc-agent"), "\(name)")
            }
        }

        @Test("KNOCKNOC_ROLE=all-in-one makes one program both, without a word of arguments", .timeLimit(limit))
        func bothRoles() async throws {
            try await Site.run(.allInOne) { site in
                let service = try await Probe.service(on: site.gateway, port: 9000)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                try await site.untilTargetsApplied("service")
                let before = try await site.agentRecord()
                await site.server.stop(SIGTERM)
                let node = ServerProcess(
                    on: site.gateway, base: site.server.base, arguments: [],
                    environment: [
                        "KNOCKNOC_ROLE": "all-in-one", "KNOCKNOC_DATA_DIR": site.folder.path + "/data",
                        // A data directory alone would make it one without the role.
                        "KNOCKNOC_DATABASE_URL": "sqlite://\(site.folder.path)/data/knocknoc.db",
                        "KNOCKNOC_LISTEN": "[::]:8756", "KNOCKNOC_PUBLIC_URL": site.server.base,
                        "KNOCKNOC_INSECURE_HTTP": "true",
                    ], folder: site.folder)
                await node.use([Lab.executable("knocknoc")])
                try await node.start()
                try await site.untilAgentIsLinkedAnew(since: before)
                #expect(try await site.agentPIDs().count == 1)
                let client = try node.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                #expect(try await client.change("POST", knoc)["state"].string == "open")
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000))
                #expect(try await Probe.isOpen(from: site.mallory, to: site.gateway.ipv4, port: 9000) == false)
                await node.stop(SIGTERM)
                try await Lab.until("its agent has ended with it") { try await site.agentPIDs().isEmpty }
                await service.stop()
            }
        }

        @Test(
            "a role that is none, and an agent that is given a database, stop the start",
            arguments: [
                ("gateway", [:], "expected one of server, agent, all-in-one"),
                ("agent", ["KNOCKNOC_DATABASE_URL": "postgres://h/d"], "an agent has no database"),
                ("agent", [:], "ServerURL is missing"), ("server", [:], "DatabaseURL is missing"),
                ("all-in-one", ["KNOCKNOC_DRAIN_SECONDS": "soon"], "expected seconds from 0 to 300"),
            ] as [(String, [String: String], String)])
        func wrongRole(_ role: String, _ settings: [String: String], _ expected: String) async throws {
            let environment = settings.merging(["KNOCKNOC_ROLE": role]) { $1 }
            let program = Lab.executable("knocknoc")
            let result = try await Shell.run([program, "--config", "none"], environment: environment)
            #expect(result.status == 78 && result.errors.contains(expected), "\(result)")
            let version = try await Shell.run([program, "version"], environment: environment)
            #expect(version.status == 0, "a command is obeyed whatever the role: \(version)")
        }

        @Test("an agent of the release before works at a newer server, and is shown as outdated", .timeLimit(limit))
        func outdated() async throws {
            try await Site.run(.twoNodes) { site in
                let next = site.folder.path + "/next"
                try FileManager.default.createDirectory(atPath: next, withIntermediateDirectories: false)
                try FileManager.default.copyItem(atPath: Lab.executable("knocknoc"), toPath: next + "/knocknoc")
                try Data("9.9.0 2\n".utf8).write(to: URL(fileURLWithPath: next + "/knocknoc.following"))
                for node in site.nodes { await node.stop(SIGKILL) }
                await site.server.use([next + "/knocknoc", "serve"])
                try await site.server.start()
                try await site.untilAgent("outdated")
                let pong = try await site.admin.expect(200, "POST", "/api/v1/admin/agents/\(site.agentID)/ping")
                #expect(pong["reply"].string == "pong", "\(pong)")
                let log = await site.server.log(10_000)
                #expect(log.contains("protocol=1"), "\(log)")
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group], backend: try await site.backend(.guard, port: 9000))
                try await site.untilTargetsApplied("service")
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                #expect(try await client.change("POST", knoc)["state"].string == "open")
                #expect(try await site.agentRecord()["status"].string == "outdated")
            }
        }
    }
}
