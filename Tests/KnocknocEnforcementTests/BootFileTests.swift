import Foundation
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
        try SkeletonFile.write("text", to: path)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.ownerAccountID] as? Int == 65_534)
        #expect(try SkeletonFile.read(path) == "text")
        #expect(chown(path, 65_533, 65_534) == 0)
        #expect(throws: EnforcementError.self) { try SkeletonFile.read(path) }
        #expect(chown(path, 65_534, 65_534) == 0 && chmod(path, 0o620) == 0)
        #expect(throws: EnforcementError.self) { try SkeletonFile.read(path) }
    }

    @Test("a name that would end the comment is not remembered", arguments: ["/a\"b", "/a\\", "/a\nb", "relative"])
    func refused(_ path: String) { #expect(BootFile(path) == nil) }
}
