import Foundation
import Lab
import Testing

extension WholeSystem {
    /// Bad input is answered with what, where, and what was expected.
    @Suite("bad input") struct BadInputTests {
        @Test("every bad body is refused with a problem that names what is wrong", .timeLimit(limit))
        func bodies() async throws {
            try await Site.run(.allInOne) { site in
                let group = try await site.make(group: "staff")
                let agent = site.agentID
                let admin = site.admin
                func knoc(_ backend: String, name: String = "x") -> String {
                    #"{"name":"\#(name)","group_ids":["\#(group)"],"grant_on":"click","duration_seconds":60,"#
                        + #""enforcement":[{"agent_id":"\#(agent)","backend":\#(backend)}]}"#
                }
                let absent = "00000000-0000-7000-8000-000000000000"
                let cases: [(String, String, String?, Set<Int>, String)] = [
                    ("POST", "users", #"{"username": "x""#, [400], ""),
                    (
                        "POST", "users", #"{"username":"x","password":"long enough 1","colour":"red"}"#, [400, 422],
                        "colour"
                    ),
                    ("POST", "users", #"{"username":"x","password":"short"}"#, [400, 422], "password"),
                    ("POST", "users", #"{"username":7,"password":"long enough 1"}"#, [400, 422], "username"),
                    ("POST", "users", #"{"password":"long enough 1"}"#, [400, 422], "username"),
                    ("POST", "users", #"{"username":""# + String(repeating: "a", count: 80_000) + #""}"#, [413], ""),
                    ("POST", "groups", #"{"name":"STAFF","kind":"local"}"#, [409], "name"),
                    ("POST", "groups", #"{"name":"x","kind":"secret"}"#, [400, 422], "kind"),
                    (
                        "POST", "knocs", knoc(#"{"type":"nftables","guard":{"protocol":"tcp","ports":[0]}}"#),
                        [400, 422], "port"
                    ),
                    (
                        "POST", "knocs", knoc(#"{"type":"nftables","guard":{"protocol":"tcp","ports":[70000]}}"#),
                        [400, 422], "port"
                    ),
                    (
                        "POST", "knocs", knoc(#"{"type":"nftables","guard":{"protocol":"icmp","ports":[1]}}"#),
                        [400, 422], "protocol"
                    ),
                    (
                        "POST", "knocs",
                        knoc(
                            #"{"type":"nftables","guard":{"protocol":"tcp","ports":[9000],"forward":true,"destinations":["10.0.0.0/33"]}}"#
                        ), [400, 422], "10.0.0.0/33"
                    ),
                    (
                        "POST", "knocs",
                        knoc(#"{"type":"nftables","set":{"family":"inet","table":"a; drop","ipv4":"x"}}"#), [400, 422],
                        ""
                    ),
                    (
                        "POST", "knocs", knoc(#"{"type":"nftables","set":{"family":"inet","table":"t","ipv5":"x"}}"#),
                        [400, 422], "ipv5"
                    ),
                    ("POST", "knocs", knoc(#"{"type":"telepathy"}"#), [400, 422], "telepathy"),
                    ("GET", "users/\(absent)", nil, [404], ""), ("DELETE", "knocs/\(absent)", nil, [404], ""),
                    ("PATCH", "groups/\(absent)", #"{"name":"y"}"#, [404], ""),
                    ("DELETE", "sessions/\(absent)", nil, [404], ""),
                    ("GET", "users/not-an-id", nil, [400, 404, 422], ""),
                    ("GET", "users?limit=none", nil, [400, 422], "limit"),
                    ("PUT", "users", "{}", [405], ""),
                ]
                for (method, path, body, statuses, names) in cases {
                    let answer = try await admin.send(method, "/api/v1/admin/\(path)", body: body)
                    let title = "\(method) \(path) \((body ?? "").suffix(160)): \(answer)"
                    #expect(statuses.contains(answer.status), "\(title)")
                    #expect(answer.header("content-type")?.hasPrefix("application/problem+json") == true, "\(title)")
                    #expect(answer.json["detail"].string?.isEmpty == false, "\(title)")
                    #expect(names.isEmpty || answer.text.contains(names), "\(title)")
                }
                let anonymous = try site.server.client(on: site.alice)
                #expect(try await anonymous.get("/api/v1/me").status == 401)
                #expect(try await anonymous.get("/api/v1/admin/users").status == 401)
                #expect(try await anonymous.get("/api/v1/nothing").status == 404)
            }
        }

        @Test("a set that the kernel does not have makes the Knoc fail with the kernel's reason", .timeLimit(limit))
        func missingSet() async throws {
            try await Site.run(.allInOne) { site in
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let knoc = try await site.make(
                    knoc: "service", groups: [group],
                    backend: [
                        "type": "nftables", "protocol": "tcp", "ports": [9000],
                        "set": ["family": "inet", "table": "nowhere", "ipv4": "absent4", "ipv6": "absent6"],
                    ])
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)
                let item = try await client.change("POST", knoc)
                #expect(item["state"].string == "failed", "\(item)")
                let reason = item["reason"].string ?? ""
                #expect(reason.contains("nowhere"), "\(item)")
            }
        }

        @Test("a typo in a conf is named with file, line and what was meant; both executables exit 78")
        func typo() async throws {
            let folder = try Lab.temporaryFolder("conf")
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.path + "/knocknoc.conf"
            for (program, command) in [("knocknoc", "serve"), ("knocknoc-agent", "run")] {
                try "# a comment\nLogLevle = info\n".write(toFile: file, atomically: true, encoding: .utf8)
                let result = try await Shell.run([Lab.executable(program), command, "--config", file])
                #expect(result.status == 78, "\(program): \(result.errors)")
                #expect(result.errors.contains("\(file):2"), "\(program): \(result.errors)")
                #expect(result.errors.contains("LogLevel"), "\(program): \(result.errors)")
            }
        }

        @Test(
            "an URL of a database that cannot be used exits 2 as an option, else 78, and keeps its password",
            arguments: [
                "serve --database-url", "serve --database-url sqlite:///a --listen-url", "migrate --database-url",
                "knocker cluster --database-url", "knocker end-sessions --database-url",
                "knocker exposedb --list --conn", "knocker replica --asynchronous --conn", "knocker promote --conn",
            ],
            [
                ("postgres://u:s3cret@h/d?sslmode=requier", "sslmode: \"requier\" cannot be used"),
                ("postgres://u:s3cret%zz@h/d", "a % in it"),
            ])
        func databaseURL(_ command: String, _ wrong: (url: String, reason: String)) async throws {
            let words = command.split(separator: " ").map(String.init) + [wrong.url]
            let result = try await Shell.run([Lab.executable("knocknoc")] + words)
            #expect(result.status == 2 && result.errors.contains(wrong.reason), "\(result)")
            #expect(!(result.text + result.errors).contains("s3cret"), "\(result)")
        }

        @Test("the same in the environment or in a file exits 78", arguments: ["DatabaseURL", "ListenURL"])
        func databaseURL(in key: String) async throws {
            let folder = try Lab.temporaryFolder("url")
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.path + "/knocknoc.conf"
            let wrong = "postgres://u:s3cret@h/d?sslmode=requier"
            let other = key == "ListenURL" ? "DatabaseURL = postgres://u@h/d\n" : ""
            try "\(other)\(key) = \(wrong)\n".write(toFile: file, atomically: true, encoding: .utf8)
            let serve = [Lab.executable("knocknoc"), "serve", "--config"]
            let variable = key == "ListenURL" ? "KNOCKNOC_LISTEN_URL" : "KNOCKNOC_DATABASE_URL"
            let given = ["env", "KNOCKNOC_DATABASE_URL=postgres://u@h/d", "\(variable)=\(wrong)"]
            for (result, place) in [
                (try await Shell.run(serve + [file]), "\(file):\(other.isEmpty ? 1 : 2): \(key): sslmode"),
                (try await Shell.run(given + serve + ["none"]), "environment \(variable): \(key): sslmode"),
            ] {
                #expect(result.status == 78 && result.errors.contains(place), "\(result)")
                #expect(!(result.text + result.errors).contains("s3cret"), "\(result)")
            }
        }

        @Test("wrong usage exits 2", arguments: ["knocknoc", "knocknoc-agent"])
        func usage(program: String) async throws {
            for arguments in [["--no-such-flag"], ["no-such-command"]] {
                let result = try await Shell.run([Lab.executable(program)] + arguments)
                #expect(result.status == 2, "\(program) \(arguments): \(result.status) \(result.errors)")
                #expect(!result.errors.isEmpty)
            }
        }

        @Test(
            "an agent with a token of nobody, or of a deleted agent, is told so when it enrolls, and exits 77",
            .timeLimit(limit))
        func refused() async throws {
            try await Site.run(.twoNodes) { site in
                let agent = try #require(site.agent)
                let known = try await agent.run("enroll")
                #expect(known.status == 0, "\(known)")
                _ = try await site.admin.expect(204, "DELETE", "/api/v1/admin/agents/\(site.agentID)")
                let deleted = try await agent.run("enroll")
                #expect(deleted.status == 77, "\(deleted)")
                #expect(deleted.errors.contains("deleted or disabled"), "\(deleted)")
                await agent.set("KNOCKNOC_AGENT_TOKEN", String(repeating: "x", count: 43))
                let unknown = try await agent.run("enroll")
                #expect(unknown.status == 77, "\(unknown)")
                #expect(unknown.errors.contains("does not accept the token"), "\(unknown)")
            }
        }

        @Test("a database that is away at start is waited for; one that is too new is refused", .timeLimit(limit))
        func database() async throws {
            let network = Network()
            let cluster = try await PostgresCluster(on: try await network.host("d", 20))
            let host = try await network.host("x", 11)
            let folder = try Lab.temporaryFolder("away")
            await cluster.stop()
            let server = ServerProcess(
                on: host, base: "http://127.0.0.1:8756",
                arguments: ["--listen", "127.0.0.1:8756", "--database-url", cluster.url, "--data-dir", folder.path],
                environment: [:], folder: folder)
            let process = try await server.launch()
            _ = try await process.errorLine { $0.lowercased().contains("database") }
            let client = try WebClient(on: host, base: "http://127.0.0.1:8756", address: "127.0.0.1")
            var answer = try await client.send("GET", "/health", limit: 5)
            let end = Clock.now + 5
            while answer.status == 0, Clock.now < end { answer = try await client.send("GET", "/health", limit: 5) }
            #expect(answer.status == 503, "\(answer)")
            #expect(answer.json["role"].string == "server")
            try await cluster.start()
            while answer.status != 200, Clock.now < end + 25, process.isRunning {
                answer = try await client.send("GET", "/health", limit: 5)
            }
            let log = await server.log(20)
            #expect(answer.status == 200, "\(answer) \(log)")
            #expect(answer.json["db"].string == "ok")
            await server.stop(SIGTERM)

            try await cluster.query("update knocknoc.schema_state set readable_from = 9999", database: "knocknoc")
            let refused = try await server.launch()
            let status = await refused.exit()
            #expect(status == 78, "\(refused.errorText)")
            #expect(refused.errorText.contains("9999"), "\(refused.errorText)")
            await cluster.remove()
            await network.remove()
            try? FileManager.default.removeItem(at: folder)
        }
    }
}
