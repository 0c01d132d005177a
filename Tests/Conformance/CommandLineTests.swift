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
                "--tls-certificate", "--tls-key", "--tls-self-signed", "--tls-san", "--agent-backend", "--all-in-one",
            ]
            for flag in expected { #expect(help.contains(flag), "\(flag) is missing in\n\(help)") }
            #expect(!help.contains("--encryption-key"))
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
