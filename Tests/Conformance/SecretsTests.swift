import Foundation
import Lab
import Testing

extension WholeSystem {
    @Suite("secrets") struct SecretsTests {
        @Test("no password and no token is in a log, a process list or a file that others can read", .timeLimit(limit))
        func nowhere() async throws {
            try await Site.run(.twoNodes) { site in
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let alice = try site.server.client(on: site.alice)
                _ = try await alice.signInOnPage("alice", Site.password)
                try await alice.signIn("alice", Site.password)
                try await alice.signIn("alice", "a wrong password of alice")
                let made = try await site.admin.expect(201, "POST", "/api/v1/admin/agents", ["name": "second"])
                let cookies = await alice.cookies()
                #expect(cookies.keys.contains { $0.hasPrefix("__Host-knocknoc") }, "\(cookies.keys)")
                var secrets = [Site.password, Site.adminPassword, "a wrong password of alice"]
                secrets += [await alice.token, await site.admin.token, made["token"].string].compactMap { $0 }
                secrets += cookies.values.filter { $0.count > 20 }

                var logs = await site.agent?.log(10_000) ?? ""
                for node in site.nodes { logs += await node.log(10_000) }
                #expect(logs.contains("/api/v1/login"))
                let processes = try await Shell.check(["ps", "-eo", "args"]).text
                #expect(processes.contains("knocknoc-agent"))
                for secret in secrets {
                    #expect(!logs.contains(secret), "in a log")
                    #expect(!processes.contains(secret), "in the process list")
                }
                for file in try await site.readableFiles() {
                    let text = String(decoding: (try? Data(contentsOf: file)) ?? Data(), as: UTF8.self)
                    for secret in secrets { #expect(!text.contains(secret), "in \(file.lastPathComponent)") }
                }
            }
        }

        /// One of everything that is secret, used in every way that there is.
        private static func use(_ site: Site, _ secrets: inout [String: String], _ listed: String) async throws {
            let group = try await site.make(group: "staff")
            try await site.make(user: "alice", groups: [group])
            (secrets["user's password"], secrets["administrator's password"]) = (Site.password, Site.adminPassword)
            let alice = try site.server.client(on: site.alice)
            _ = try await alice.signInOnPage("alice", Site.password)
            try await alice.signIn("alice", Site.password)
            secrets["mistyped password"] = "a wrong password of alice"
            try await alice.signIn("alice", "a wrong password of alice")
            try await alice.signIn("alice", Site.password)
            secrets["session's token"] = await alice.token
            secrets["administrator's token"] = await site.admin.token
            for (name, value) in await alice.cookies() where value.count > 20 { secrets["cookie \(name)"] = value }

            let draft = try await site.admin.expect(200, "GET", "/api/v1/admin/agents/draft")
            secrets["token that was suggested"] = draft["token"].string
            let made = try await site.admin.expect(201, "POST", "/api/v1/admin/agents", ["name": "second"])
            secrets["agent's token"] = made["token"].string
            let path = "/api/v1/admin/agents/\(made["id"].string ?? "")/rotate"
            let rotated = try await site.admin.expect(200, "POST", path)
            secrets["rotated token"] = rotated["token"].string
            let url = "sqlite://\(site.folder.path)/data/knocknoc.db"
            let knocker = [Lab.executable("knocknoc"), "knocker", "agent"]
            let place = ["--config", "none", "--database-url", url]
            for words in [["add", "third"], ["rotate", "third"]] {
                let told = try await Shell.check(site.gateway.inside(knocker + words + place))
                secrets["token of knocker \(words[0])"] = told.line
            }
            for token in [rotated["token"].string ?? "", listed, "kna_no-agent-has-this-token-and-none-ever-will-xx"] {
                let fetched = try await Shell.run(
                    site.gateway.inside([
                        "curl", "-sS", "-H", "@-", "-H", "Host: knocknoc.test:8756",
                        "http://127.0.0.1:8756/agent/v1/package/amd64",
                    ]), input: "Authorization: Bearer \(token)\n")
                #expect(fetched.text.contains("DownloadDir") || fetched.text.contains("No agent has"), "\(fetched)")
            }
        }

        @Test(
            "a token, a password, a sealed secret or a key is in no log, no audit, no process list and no file",
            .timeLimit(limit))
        func everywhere() async throws {
            let key = try await Shell.check([Lab.executable("knocknoc"), "genkey"]).line
            let listed = "kna_" + String(repeating: "listed-", count: 7)
            let sealed = "the sealed secret of a script"
            var secrets = ["key": key, "token of the configuration": listed, "sealed secret": sealed]
            let folder = "/run/knocknoc-test-\(UUID().uuidString)"
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
            defer { try? FileManager.default.removeItem(atPath: folder) }
            // It takes a while and says what it was given, so that whoever can see it has the time to.
            let script = "#!/bin/sh\n[ \"$1\" = add ] || exit 0\nsleep 0.2\necho \"$TOKEN\"\nexit 1\n"
            _ = FileManager.default.createFile(
                atPath: folder + "/open", contents: Data(script.utf8), attributes: [.posixPermissions: 0o755])
            let settings = [
                "KNOCKNOC_AGENT_CUSTOM_SCRIPTS": "true", "KNOCKNOC_AGENT_SCRIPT_DIRECTORY": folder,
                "KNOCKNOC_ENCRYPTION_KEY": key, "KNOCKNOC_AGENT_TOKENS": listed, "KNOCKNOC_LOG_LEVEL": "trace",
            ]
            let watch = CommandLines()
            defer { _ = watch.stop() }
            try await Site.run(.allInOne, environment: settings) { site in
                try await Self.use(site, &secrets, listed)
                let groups = try await site.admin.expect(200, "GET", "/api/v1/admin/groups")["items"].items
                let knoc = try await site.make(
                    knoc: "service", groups: groups.compactMap { $0["id"].string },
                    backend: [
                        "type": "script",
                        "script": ["path": .string(folder + "/open"), "secrets": ["TOKEN": .string(sealed)]],
                    ])
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                let granted = try await client.change("POST", knoc)
                #expect(granted["state"].string == "failed", "\(granted)")

                var places = ["the portal": "\(granted)", "a log": await site.server.log(100_000)]
                #expect(places["a log"]?.contains("/agent/v1/package/amd64") == true)
                let audit = try await site.admin.expect(200, "GET", "/api/v1/admin/audit?limit=500")
                places["the audit"] = "\(audit)"
                #expect(audit["items"].items.contains { $0["action"].string == "agent.token_refused" })
                for (name, path) in [("agents", "agents"), ("Knocs", "knocs"), ("users", "users")] {
                    places[name] = "\(try await site.admin.expect(200, "GET", "/api/v1/admin/\(path)"))"
                }
                let lines = watch.stop()
                #expect(lines.contains { $0.contains(" add knocknoc ") }, "the script was not seen: \(lines)")
                #expect(lines.contains { $0.contains("knocker agent rotate third") })
                places["the process list"] = lines.joined(separator: "\n")
                // The agent is a child of the server, and has none of its settings.
                for pid in try await site.agentPIDs() {
                    let data = FileManager.default.contents(atPath: "/proc/\(pid)/environ") ?? Data()
                    #expect(!data.isEmpty)
                    places["the agent's environment"] = String(decoding: data, as: UTF8.self)
                }
                let files = try await Shell.check(["find", site.folder.path + "/data", "-type", "f"]).text
                #expect(files.contains("knocknoc.db") && files.contains("/agent/"))
                for file in files.split(separator: "\n") {
                    let data = FileManager.default.contents(atPath: String(file)) ?? Data()
                    // Bytes that are no text stay apart from those that are.
                    places["the file \(file)"] = String(decoding: data, as: UTF8.self)
                }
                for (what, secret) in secrets {
                    #expect(secret.count > 12, "\(what)")
                    for (place, text) in places { #expect(!text.contains(secret), "the \(what) is in \(place)") }
                }
            }
        }
    }
}
