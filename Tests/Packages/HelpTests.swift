import Foundation
import Lab
import Testing

extension PackagesSuite {
    @Suite("what tells how they are used") struct HelpTests {
        /// Every command, and the package that brings it.
        static let commands = [
            ("knocknoc", "knocknoc"), ("knocker", "knocknoc"), ("knocknoc-setup", "knocknoc"),
            ("knocknoc-agent", "knocknoc-agent"),
        ]

        @Test("a manual page renders without a warning and tells of every command", arguments: commands)
        func manual(command: String, package: String) async throws {
            try await PackageFile(package).unpacked { folder in
                let page = folder.path + "/usr/share/man/man8/\(command).8.gz"
                let result = try await Shell.check(
                    ["man", "--warnings", "-l", page],
                    environment: ["MANWIDTH": "500", "MANROFFOPT": "-rHY=0", "MAN_KEEP_FORMATTING": ""])
                #expect(result.errors.isEmpty)
                let help = try await Self.help(command, folder.path + "/opt/\(package)/bin/\(package)")
                for name in Self.subcommands(help) {
                    #expect(result.text.contains("\(command) \(name)"), "\(command) \(name)")
                }
                #expect(result.text.contains("EXIT STATUS"))
            }
        }

        @Test("shells understand their completions", arguments: commands)
        func completions(command: String, package: String) async throws {
            try await PackageFile(package).unpacked { folder in
                let share = folder.path + "/usr/share"
                let bash = share + "/bash-completion/completions/\(command)"
                try await Shell.check(["bash", "-n", bash])
                let registered = try await Shell.check([
                    "bash", "-c", "source \"$1\"; complete -p \"$2\"", "-", bash, command,
                ])
                #expect(registered.text.contains(command))
                try await Shell.check(["zsh", "-n", share + "/zsh/vendor-completions/_\(command)"])
                let zsh = try String(contentsOfFile: share + "/zsh/vendor-completions/_\(command)", encoding: .utf8)
                #expect(zsh.hasPrefix("#compdef \(command)\n"))
                try await Shell.check(["fish", "-n", share + "/fish/vendor_completions.d/\(command).fish"])
            }
        }

        @Test("a half-typed command is completed by bash")
        func completed() async throws {
            try await PackageFile("knocknoc-agent").unpacked { folder in
                let script = """
                    PATH="$1/opt/knocknoc-agent/bin:$PATH"
                    source "$1/usr/share/bash-completion/completions/knocknoc-agent"
                    COMP_WORDS=(knocknoc-agent ung) COMP_CWORD=1 COMP_LINE='knocknoc-agent ung' COMP_POINT=18 COMP_TYPE=9
                    function=$(complete -p knocknoc-agent | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
                    "$function" knocknoc-agent ung knocknoc-agent
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """
                let result = try await Shell.check(["bash", "-c", script, "-", folder.path])
                #expect(result.text.trimmingCharacters(in: .whitespacesAndNewlines) == "unguard")
            }
        }

        private static func help(_ command: String, _ program: String) async throws -> String {
            try await Shell.check(["bash", "-c", "exec -a \"$1\" \"$2\" --help", "-", command, program]).text
        }

        /// The names in the list that `--help` prints under SUBCOMMANDS.
        private static func subcommands(_ help: String) -> [String] {
            guard let list = help.components(separatedBy: "SUBCOMMANDS:\n").dropFirst().first else { return [] }
            let lines = list.components(separatedBy: "\n").prefix { !$0.isEmpty }
            return lines.filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
                .compactMap { $0.split(separator: " ").first.map(String.init) }
        }
    }
}
