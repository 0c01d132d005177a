import Foundation

/// Where this machine's apt gets Debian from; the hosts of the lab come from there, too.
struct AptSources {
    /// The archive of the release itself.
    let mirror: String
    /// `deb` lines of everything that the release has there: updates and security fixes, too.
    let lines: [String]

    /// - Parameter release: such as `bookworm`. Another one than this machine's is looked for at the same mirror.
    init(release: String) async throws {
        let format = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
        let listing = try await Shell.check(
            ["apt-get", "indextargets", "--format", format, "Identifier: Packages"]
        ).text
        let own = try Self.ownRelease()
        var lines: [String] = []
        var mirror: String?
        for line in listing.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            // What is not called after the release is not Debian's: somebody's own sources of other programs.
            guard words.count == 3, words[2] == "main", words[1] == own || words[1].hasPrefix(own + "-") else {
                continue
            }
            if words[1] == own { mirror = words[0] }
            let line = "deb \(words[0]) \(release)\(words[1].dropFirst(own.count)) main"
            if !lines.contains(line) { lines.append(line) }
        }
        guard let mirror else { throw LabError("apt has no source for \(own) main: apt-get update, then try again") }
        self.mirror = mirror
        self.lines = lines
    }

    /// This machine's own release.
    static func ownRelease() throws -> String {
        let text = try String(contentsOfFile: "/etc/os-release", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VERSION_CODENAME=") }
        guard let name = line?.split(separator: "=").last else { throw LabError("/etc/os-release names no release") }
        return String(name)
    }
}
