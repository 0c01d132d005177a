import Foundation
import Lab
import Testing

extension WholeSystem {
    @Suite("The command line")
    struct CommandLineTests {
        @Test(
            "every executable says its version", arguments: ["knocknoc", "knocknoc-agent", "knocker"])
        func version(_ program: String) async throws {
            let folder = try Lab.temporaryFolder("version")
            defer { try? FileManager.default.removeItem(at: folder) }
            let result = try await Shell.run([try executable(program, in: folder), "--version"])
            #expect(result.status == 0 && result.text.hasPrefix("\(program) "), "\(result)")
        }

        /// The server answers to the name that it is called by.
        private func executable(_ name: String, in folder: URL) throws -> String {
            guard name == "knocker" else { return Lab.executable(name) }
            let link = folder.appendingPathComponent(name)
            try FileManager.default.createSymbolicLink(
                at: link, withDestinationURL: URL(fileURLWithPath: Lab.executable("knocknoc")))
            return link.path
        }

        @Test("every key of the server has a flag, but what is secret")
        func flags() async throws {
            let help = try await Shell.run([Lab.executable("knocknoc"), "serve", "--help"]).text
            let expected = [
                "--listen", "--public-url", "--trusted-forwarders", "--allow-any-forwarder", "--database-url",
                "--listen-url", "--data-dir",
                "--zone", "--node-name", "--log-level", "--insecure-http", "--agent-url", "--drain-seconds",
                "--download-dir",
                "--tls-certificate", "--tls-key", "--tls-self-signed", "--tls-san", "--agent-backend", "--all-in-one",
            ]
            for flag in expected { #expect(help.contains(flag), "\(flag) is missing in\n\(help)") }
            for flag in ["--encryption-key", "--agent-tokens"] { #expect(!help.contains(flag), "\(flag)") }
            #expect(help.contains("With --data-dir DIR alone it is the all-in-one"))
        }

        @Test(
            "a mistyped command exits 2 and says which was meant",
            arguments: [
                ["knocknoc", "srve", "serve"], ["knocknoc-agent", "unguad", "unguard"],
                ["knocker", "create-admn", "create-admin"],
            ])
        func command(_ words: [String]) async throws {
            let folder = try Lab.temporaryFolder("command")
            defer { try? FileManager.default.removeItem(at: folder) }
            let result = try await Shell.run([try executable(words[0], in: folder), words[1]])
            #expect(result.status == 2 && result.errors.contains("Did you mean '\(words[2])'?"), "\(result)")
        }

        @Test("scaffold --patroni writes a folder that is its owner's, never over another, and says what is wrong")
        func scaffold() async throws {
            let folder = try Lab.temporaryFolder("scaffold")
            defer { try? FileManager.default.removeItem(at: folder) }
            let into = folder.path + "/ha"
            let members = (1...3).flatMap { ["--member", "db\($0)=10.64.11.\($0)"] }
            let command = [Lab.executable("knocknoc"), "scaffold", "--patroni", "--into", into]
            let written = try await Shell.run(command + members)
            #expect(
                written.status == 0 && written.text.contains("@10.64.11.1:5432,10.64.11.2:5432,10.64.11.3:5432/"),
                "\(written)")
            let mode = try FileManager.default.attributesOfItem(atPath: into)[.posixPermissions] as? Int
            #expect(mode == 0o700)
            let path = into + "/db2/etc/patroni/config.yml"
            let own = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(own == 0o600)
            #expect(try await Shell.run(command + members).status == 78)
            let few = try await Shell.run(command + members.prefix(4))
            #expect(few.status == 2 && few.errors.contains("needs 3 hosts"), "\(few)")
        }

        @Test(
            "what cannot be meant exits 2",
            arguments: [
                ["replica"], ["replica", "--init", "--asynchronous"], ["replica", "--init", "--renew"],
                ["promote", "--keep-sessions", "--end-sessions"], ["replica", "--follow", "db1 db2"],
            ])
        func usage(_ words: [String]) async throws {
            #expect(try await Shell.run([Lab.executable("knocknoc"), "knocker"] + words).status == 2)
        }

        @Test(
            "a command that is told nothing to do exits 2 and names itself in full",
            arguments: [["knocker", "haproxy"], ["knocknoc", "scaffold"]])
        func nothing(_ words: [String]) async throws {
            let folder = try Lab.temporaryFolder("nothing")
            defer { try? FileManager.default.removeItem(at: folder) }
            let result = try await Shell.run([try executable(words[0], in: folder)] + words.dropFirst())
            #expect(result.status == 2 && result.text.isEmpty, "\(result)")
            #expect(result.errors.contains("Usage: \(words.joined(separator: " ")) "), "\(result)")
        }

        @Test(
            "a network with host bits set exits 2 in every command, and the one that it seems to mean is named",
            arguments: [
                "knocknoc serve --trusted-forwarders", "knocknoc-agent run --always-allow",
                "knocknoc knocker exposedb --add", "knocknoc knocker exposedb --remove",
                "knocknoc scaffold --patroni --into nowhere --allow",
            ])
        func hostBits(_ command: String) async throws {
            let words = command.split(separator: " ").map(String.init)
            let result = try await Shell.run([Lab.executable(words[0])] + words.dropFirst() + ["10.0.0.1/8"])
            #expect(result.status == 2, "\(result)")
            #expect(result.errors.contains("\"10.0.0.1/8\" has host bits set; did you mean 10.0.0.0/8?"), "\(result)")
        }

        @Test("the same network in a file is a bad configuration, 78")
        func hostBitsInFile() async throws {
            let folder = try Lab.temporaryFolder("forwarders")
            defer { try? FileManager.default.removeItem(at: folder) }
            let file = folder.path + "/knocknoc.conf"
            try "DataDir = /a\nTrustedForwarders = 10.0.0.1/8\n".write(toFile: file, atomically: true, encoding: .utf8)
            let result = try await Shell.run([Lab.executable("knocknoc"), "serve", "--config", file])
            #expect(result.status == 78 && result.errors.contains("\(file):2: "), "\(result)")
            #expect(result.errors.contains("did you mean 10.0.0.0/8?"), "\(result)")
        }

        @Test(
            "a standby is one host: a network, and a name of nobody, exit 2 with what was expected",
            arguments: ["10.0.0.0/8", "no.such.invalid"], ["--allow", "--synchronous", "--remove"])
        func standby(_ host: String, _ option: String) async throws {
            let result = try await Shell.run([Lab.executable("knocknoc"), "knocker", "replica", option, host])
            #expect(result.status == 2 && result.errors.contains("expected one host"), "\(result)")
            #expect(result.errors.contains("such as 10.64.11.2"), "\(result)")
            // What cannot be a host is not asked for by name.
            #expect(host.contains("/") == result.errors.contains("\(option) \(host): "), "\(result)")
            #expect(result.errors.contains("Usage: knocknoc knocker replica "), "\(result)")
        }

        @Test("cluster while the database is away says the reason once, and exits 1")
        func clusterAway() async throws {
            let command = [Lab.executable("knocknoc"), "knocker", "cluster", "--database-url"]
            let result = try await Shell.run(command + ["postgres://u@127.0.0.1:1/x?sslmode=disable"])
            #expect(result.status == 1 && result.text.contains("Web nodes: unknown\n"), "\(result)")
            #expect((result.text + result.errors).components(separatedBy: "refused").count == 2, "\(result)")
        }

        @Test("cluster on a file says so, for people and for programs")
        func cluster() async throws {
            let folder = try Lab.temporaryFolder("cluster")
            defer { try? FileManager.default.removeItem(at: folder) }
            let program = Lab.executable("knocknoc")
            _ = try await Shell.check([program, "migrate", "--data-dir", folder.path])
            let shown = try await Shell.run([program, "knocker", "cluster", "--data-dir", folder.path])
            #expect(shown.status == 0 && shown.text.contains("a SQLite file of this machine"), "\(shown)")
            let json = try await Shell.run([program, "knocker", "cluster", "--json", "--data-dir", folder.path])
            #expect(json.text.contains(#""durability" : "local""#), "\(json)")
            let ended = try await Shell.run([program, "knocker", "end-sessions", "--data-dir", folder.path])
            #expect(ended.status == 0 && ended.text.contains("0 sessions and 0 grants"), "\(ended)")
        }

        @Test("a variable with a typo stops the start with 78 and says which was meant")
        func variable() async throws {
            let result = try await Shell.run([
                "env", "KNOCKNOC_LISTN=127.0.0.1:1", Lab.executable("knocknoc"), "serve", "--data-dir",
                "/nowhere/at/all",
            ])
            #expect(result.status == 78 && result.errors.contains("did you mean KNOCKNOC_LISTEN?"), "\(result)")
        }

        @Test(
            "a path where no database is makes none, and exits 1",
            arguments: [
                ["knocknoc", "migrate", "--status"], ["knocker", "create-admin", "root", "--password-stdin"],
                ["knocker", "set-password", "root", "--password-stdin"],
            ])
        func missing(_ command: [String]) async throws {
            let folder = try Lab.temporaryFolder("missing")
            defer { try? FileManager.default.removeItem(at: folder) }
            let program = try executable(command[0], in: folder)
            let typed =
                [program] + command.dropFirst() + ["--database-url", "sqlite://\(folder.path)/deep/knocknok.db"]
            let result = try await Shell.run(typed, input: "a long password\n")
            #expect(result.status == 1, "\(result)")
            #expect(result.errors.contains("there is no database at \(folder.path)/deep/knocknok.db"), "\(result)")
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(left.filter { $0 != "knocker" }.isEmpty)
        }
    }
}
