import Foundation
import Lab
import Testing

extension WholeSystem {
    @Suite("files to begin with") struct ScaffoldTests {
        private func print(_ arguments: String...) async throws -> String {
            let result = try await Shell.check([Lab.executable("knocknoc"), "scaffold"] + arguments)
            return result.text
        }

        /// Every key that a page of docs/configuration.md lists after a heading.
        private func keys(after heading: String) throws -> Set<String> {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let page = try String(contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
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

        @Test("nothing asked for is the help")
        func help() async throws {
            #expect(try await print().contains("--haproxy"))
        }
    }
}
