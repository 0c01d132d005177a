import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("The boot file's name in the table")
struct BootFileTests {
    @Test(
        "comes back as it went in",
        arguments: ["/a/guard.nft", "/" + String(repeating: "päth ", count: 60) + "/guard.nft"])
    func roundTrip(_ path: String) throws {
        let file = try #require(BootFile(path))
        #expect(BootFile(rules: file.rules) == file)
        #expect(file.rules.allSatisfy { $0.utf8.count < 128 })
    }

    @Test("none is remembered, too, and nothing is not")
    func none() {
        #expect(BootFile(nil).map { BootFile(rules: $0.rules) } == .some(BootFile.none))
        #expect(BootFile(rules: []) == nil)
    }

    @Test(
        "root reads a boot file of its folder's owner, and nobody else's, and writes one for that owner",
        .enabled(if: geteuid() == 0, "skipped: only root gives files away"))
    func owners() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/knocknoc-boot-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/guard.nft"
        #expect(chown(folder, 65_534, 65_534) == 0)
        try SkeletonFile(path).write("add table inet x\n")
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.ownerAccountID] as? Int == 65_534)
        #expect(try SkeletonFile(path).read() == "add table inet x\n")
        #expect(chown(path, 65_533, 65_534) == 0)
        #expect(throws: EnforcementError.self) { try SkeletonFile(path).read() }
        #expect(chown(path, 65_534, 65_534) == 0 && chmod(path, 0o620) == 0)
        #expect(throws: EnforcementError.self) { try SkeletonFile(path).read() }
    }

    @Test("what the agent writes is read again, whatever its names and comments say")
    func written() throws {
        try inFolder { path in
            let include = "add rule inet knocknoc boot_file accept comment \"/srv/include /include/guard.nft\"\n"
            guard case .nftablesGuard(let value) = guardTarget(1, interfaces: ["include"]).backend else { return }
            let table = OwnTable(
                guards: [try GuardRules(target(1), value)],
                marks: [GuardName(target(2))], alwaysAllow: [try CIDR(parsing: "192.0.2.0/24")],
                bootFile: BootFile("/srv/include/guard.nft"))
            for text in [SkeletonFile.render(table), include, ""] {
                try SkeletonFile(path).write(text)
                #expect(try SkeletonFile(path).read() == text)
            }
        }
    }

    private static let table = "add table inet knocknoc"
    private static let include = "include \"/etc/shadow\""
    private static let others: [String] = [
        include, "\(table)\n\(include)", "\(table); \(include)", "\(table) \\\n\(include)", "\(table) \\\n\(table)",
        "add table inet \"a\n\(include)", "add table inet \"a\nadd table inet b\" \(include)",
        " \(table)", "add table inet x {include\t\"/etc/shadow\";}", "# \n\r\n\(include)", "# a\r\n\(include)\n",
        "list ruleset", "define x = 1", "\(table); monitor", "\(table) # {", "\(table) {", "\(table) }; add {",
    ]

    @Test("a file that would have nft open others is not handed to it", arguments: others)
    func including(_ text: String) throws {
        try inFolder { path in
            try Data((text + "\n").utf8).write(to: URL(filePath: path))
            let error = #expect(throws: EnforcementError.self) { try SkeletonFile(path).read() }
            #expect(
                error?.message.hasPrefix(path + ":") == true && error?.message.contains("shadow") == false,
                "\(String(describing: error))")
            #expect(throws: EnforcementError.self) { try SkeletonFile(path).write(text + "\n") }
        }
    }

    @Test("neither a link nor anything but a file is read")
    func noFile() throws {
        try inFolder { path in
            try SkeletonFile(path + ".other").write(Self.table + "\n")
            #expect(symlink(path + ".other", path) == 0)
            let error = #expect(throws: EnforcementError.self) { try SkeletonFile(path).read() }
            #expect(error?.message.contains("is a symbolic link") == true, "\(String(describing: error))")
            #expect(unlink(path) == 0 && mkfifo(path, 0o600) == 0)
            #expect(throws: EnforcementError.self) { try SkeletonFile(path).read() }
        }
    }

    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/knocknoc-boot-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder + "/guard.nft")
    }

    @Test("a name that would end the comment is not remembered", arguments: ["/a\"b", "/a\\", "/a\nb", "relative"])
    func refused(_ path: String) { #expect(BootFile(path) == nil) }
}
