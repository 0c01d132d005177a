import Foundation
import Lab
import Testing

extension WholeSystem {
    @Suite("files to begin with") struct ScaffoldTests {
        private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent()
            .deletingLastPathComponent()

        private func print(_ arguments: String...) async throws -> String {
            let result = try await Shell.check([Lab.executable("knocknoc"), "scaffold"] + arguments)
            return result.text
        }

        /// Every key that a page of docs/configuration.md lists after a heading.
        private func keys(after heading: String) throws -> Set<String> {
            let page = try String(
                contentsOf: Self.root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
            let start = try #require(page.range(of: "\n## \(heading)"))
            let rest = page[start.upperBound...]
            let section = rest.range(of: "\n## ").map { rest[..<$0.lowerBound] } ?? rest
            var keys: Set<String> = []
            for line in section.split(separator: "\n") where line.hasPrefix("| `") {
                let cell = line.dropFirst(2).prefix { $0 != "|" }
                for name in cell.split(separator: "`") where name.first?.isLetter == true { keys.insert(String(name)) }
            }
            return keys
        }

        private func keys(in text: String) -> Set<String> {
            Set(
                text.split(separator: "\n").compactMap { line in
                    let words = line.drop { $0 == "#" || $0 == " " }.split(separator: " ", maxSplits: 2)
                    return words.count == 3 && words[1] == "=" ? String(words[0]) : nil
                })
        }

        @Test("settings of server and agent name every key, and the program itself reads them, commented out or not")
        func settings() async throws {
            let folder = try Lab.temporaryFolder("scaffold")
            defer { try? FileManager.default.removeItem(at: folder) }
            for (flag, heading, command) in [
                ("--server", "Server", ["knocknoc", "serve"]), ("--agent", "Agent", ["knocknoc-agent", "run"]),
            ] {
                let text = try await print(flag)
                let all = try keys(after: heading)
                // A token stands in its file, not in this one.
                #expect(keys(in: text) == all.subtracting(["Token"]), "\(flag)")
                // What excludes each other is the program's to say; that it knows each key and value is what counts.
                let open = text.split(separator: "\n").map { line in
                    let bare = line.drop { $0 == "#" || $0 == " " }
                    return line.hasPrefix("# ") && !keys(in: String(line)).isEmpty ? String(bare) : String(line)
                }
                let file = folder.appendingPathComponent("conf")
                try Data((open.joined(separator: "\n") + "\nWrong = 1\n").utf8).write(to: file)
                let result = try await Shell.run(
                    [Lab.executable(command[0]), command[1], "--config", file.path])
                #expect(result.status == 78 && result.errors.contains("unknown key \"Wrong\""), "\(result)")
                #expect(result.errors.components(separatedBy: "unknown key").count == 2, "\(result.errors)")
                #expect(!result.errors.contains("cannot be used"), "\(result.errors)")
            }
        }

        @Test("haproxy.cfg is one that HAProxy accepts, once what it names is there")
        func haproxy() async throws {
            let folder = try Lab.temporaryFolder("scaffold")
            defer { try? FileManager.default.removeItem(at: folder) }
            let root = folder.path
            try await Shell.check(
                [
                    "bash", "-euc",
                    """
                    mkdir -p "$0"/run/haproxy "$0"/opt/knocknoc/etc/tls "$0"/etc/haproxy/knocknoc "$0"/var/lib/haproxy/knocknoc
                    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=x \
                        -keyout "$0/key" -out "$0/cert" 2>/dev/null
                    cat "$0/cert" "$0/key" >"$0/opt/knocknoc/etc/tls/haproxy.pem"
                    for node in web-1 web-2; do cp "$0/cert" "$0/etc/haproxy/knocknoc/node-$node.pem"; done
                    echo page >"$0/etc/haproxy/knocknoc/unavailable.html"
                    for name in pages links; do echo 1 >"$0/var/lib/haproxy/knocknoc/knocknoc_$name.state"; done
                    """, root,
                ])
            let file = folder.appendingPathComponent("haproxy.cfg")
            try Data(try await print("--haproxy", "--root", root).utf8).write(to: file)
            let result = try await Shell.run(["haproxy", "-c", "-f", file.path])
            #expect(result.status == 0 && !result.errors.contains("[WARNING]"), "\(result)")
        }

        @Test("the units are the packages' own, each with its path, and systemd has nothing to say against them")
        func systemd() async throws {
            let folder = try Lab.temporaryFolder("scaffold")
            defer { try? FileManager.default.removeItem(at: folder) }
            var files: [String: String] = [:]
            var path = ""
            for line in try await print("--systemd").split(separator: "\n", omittingEmptySubsequences: false) {
                if line.hasPrefix("# /etc/systemd/system/") {
                    path = String(line.dropFirst("# /etc/systemd/system/".count))
                } else {
                    files[path, default: ""] += line + "\n"
                }
            }
            files[""] = nil
            // What the network waits for at each boot ends, whatever file the agent's user has put there.
            #expect(files["knocknoc-guard.service"]?.contains("\nTimeoutStartSec=30\n") == true)
            #expect(Set(files.keys) == ["knocknoc.service", "knocknoc-agent.service", "knocknoc-guard.service"])
            for (name, text) in files {
                let packaged = try String(
                    contentsOf: Self.root.appending(path: "Packaging/systemd/\(name)"), encoding: .utf8)
                #expect(text.trimmingCharacters(in: .newlines) == packaged.trimmingCharacters(in: .newlines), "\(name)")
                // What they run is not installed here.
                let runs = text.replacing(/(?m)^(Exec[A-Za-z]+=)\S+/) { $0.output.1 + "/bin/true" }
                try Data(runs.utf8).write(to: folder.appending(path: name))
            }
            let result = try await Shell.run(
                ["systemd-analyze", "verify", "--man=no"] + files.keys.sorted().map { folder.appending(path: $0).path })
            #expect(result.status == 0 && result.errors.isEmpty, "\(result)")
        }

        @Test(
            "Compose accepts compose.yaml; what is secret is in files, and the agent alone may change the packet filter"
        )
        func compose() async throws {
            let folder = try Lab.temporaryFolder("scaffold")
            defer { try? FileManager.default.removeItem(at: folder) }
            try Data(try await print("--compose").utf8).write(to: folder.appending(path: "docker-compose.yml"))
            let result = try await Shell.run(["docker-compose", "--project-directory", folder.path, "config"])
            #expect(result.status == 0 && result.errors.isEmpty, "\(result)")
            let json = try JSON(
                parsing: try await Shell.check(
                    [
                        "python3", "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))",
                        folder.appending(path: "docker-compose.yml").path,
                    ]
                ).output)
            let (web, agent) = (json["services"]["web"], json["services"]["agent"])
            #expect(web["command"].items == ["knocknoc", "serve", "--config", "/run/site/knocknoc.conf"])
            #expect(web["user"].string == "10001:10001" && web["read_only"].bool == true)
            #expect(web["cap_drop"].items == ["ALL"] && web["cap_add"].items.isEmpty)
            #expect(web["environment"].keys == ["CREDENTIALS_DIRECTORY"])
            #expect(web["healthcheck"]["test"].items.last?.string == "https://127.0.0.1:8756/health")
            #expect(web["depends_on"]["db"]["condition"].string == "service_healthy")
            #expect(agent["cap_add"].items == ["NET_ADMIN"] && agent["network_mode"].string == "host")
            #expect(json["services"]["db"]["environment"]["POSTGRES_PASSWORD"].string == nil)
        }

        @Test("the Nomad job is HCL: one node after the other, healthy by /health, and a version that fails goes back")
        func nomad() async throws {
            let folder = try Lab.temporaryFolder("scaffold")
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.appending(path: "knocknoc.nomad.hcl")
            try Data(try await print("--nomad").utf8).write(to: file)
            let json = try JSON(
                parsing: try await Shell.check(
                    [
                        "python3", "-c", "import hcl, json, sys; print(json.dumps(hcl.load(open(sys.argv[1]))))",
                        file.path,
                    ]
                ).output)
            let job = json["job"]["knocknoc"]
            #expect(job["update"]["max_parallel"].int == 1 && job["update"]["auto_revert"].bool == true)
            #expect(job["update"]["min_healthy_time"].string == "30s")
            let group = job["group"]["web"]
            #expect(group["count"].int == 2 && group["network"]["port"]["https"]["to"].int == 8756)
            let check = group["service"]["check"]
            #expect(check["path"].string == "/health" && check["protocol"].string == "https")
            let task = group["task"]["serve"]
            #expect(
                task["config"]["args"].items.first?.string == "serve" && task["config"]["cap_drop"].items == ["all"])
            let templates = task["template"].items
            #expect(templates.map { $0["perms"].string } == ["600", "600"])
            // The program reads the settings as the template leaves them.
            let text = try #require(templates.first?["data"].string)
            let settings = text.replacing(/\{\{ with .*?\}\}|\{\{ end \}\}/, with: "")
                .replacing("{{ .database_url }}", with: "postgres://u@192.0.2.1/k").replacing(
                    /\{\{ env .*?\}\}/, with: "/d")
            try Data((settings + "\nWrong = 1\n").utf8).write(to: folder.appending(path: "conf"))
            let result = try await Shell.run(
                [Lab.executable("knocknoc"), "serve", "--config", folder.appending(path: "conf").path])
            #expect(result.status == 78 && result.errors.contains("unknown key \"Wrong\""), "\(result)")
            #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
        }

        @Test("genkey prints a key or a token and nothing else; --hash adds the hash of just that")
        func keys() async throws {
            func lines(_ arguments: String...) async throws -> [String] {
                let result = try await Shell.check([Lab.executable("knocknoc"), "genkey"] + arguments)
                #expect(result.text.hasSuffix("\n") && result.errors.isEmpty)
                return result.text.split(separator: "\n").map(String.init)
            }
            let key = try await lines()
            #expect(key.count == 1 && key[0].wholeMatch(of: /[0-9a-f]{64}/) != nil)
            #expect(try await lines() != key)
            let script = #""$0" genkey "$@" | { read -r k; read -r h; echo "$k $h"; printf %s "$k" | sha256sum; }"#
            for (arguments, shape) in [
                (["--agent-token", "--hash"], "kna_[A-Za-z0-9_-]{43}"), (["--hash"], "[0-9a-f]{64}"),
            ] {
                let result = try await Shell.check(["bash", "-euc", script, Lab.executable("knocknoc")] + arguments)
                let words = result.text.split { $0.isWhitespace }.map(String.init)
                #expect(
                    try words[0].wholeMatch(of: Regex(shape)) != nil && words[1] == "sha256:" + words[2], "\(words)")
            }
        }
    }
}
