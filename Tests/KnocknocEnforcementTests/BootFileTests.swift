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

    @Test("a name that would end the comment is not remembered", arguments: ["/a\"b", "/a\\", "/a\nb", "relative"])
    func refused(_ path: String) { #expect(BootFile(path) == nil) }
}
