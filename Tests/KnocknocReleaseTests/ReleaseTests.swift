import Foundation
import Testing

@testable import KnocknocRelease

@Suite("the release")
struct ReleaseTests {
    @Test("a build that nothing lies beside is what it is")
    func itself() {
        #expect(Release.version.split(separator: ".").count == 3)
        #expect(Release.protocols == 1...1)
        #expect(Release.furtherMigrations.isEmpty)
    }

    @Test(
        "releases are compared by their numbers, and one that has none is before none",
        arguments: [
            ("0.1.9", "0.1.10", true), ("0.9.9", "1.0", true), ("0.1.0", "0.1.0-debug", false), ("1.2", "1.2.0", false),
            ("0.2.0", "0.1.9", false), ("unknown", "0.1.0", false), ("0.1.0", "unknown", false),
        ])
    func order(_ one: String, _ other: String, _ precedes: Bool) {
        #expect(Release.precedes(one, other) == precedes)
    }

    #if DEBUG
        @Test("the file beside a debug build says what it is instead")
        func following() throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "release-\(UUID())")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(at: folder) }
            let link = folder.path + "/link"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.path + "/program")
            #expect(FollowingRelease.beside(executable: link) == nil)
            let text = """
                0.2.0 2
                == postgres/0004_one.sql
                -- readable-from: 1
                select 1;
                == sqlite/0004_one.sql
                select 2;

                """
            try Data(text.utf8).write(to: folder.appending(path: "program.following"))
            let release = try #require(FollowingRelease.beside(executable: link))
            #expect(release.version == "0.2.0" && release.protocolVersion == 2)
            #expect(release.migrations.keys.sorted() == ["postgres/0004_one.sql", "sqlite/0004_one.sql"])
            #expect(release.migrations["postgres/0004_one.sql"]?.hasPrefix("-- readable-from: 1\nselect 1;\n") == true)
        }

        @Test("a file that says something else is none", arguments: ["", "0.2.0", "0.2.0 zero", "0.2.0 0", "a b c"])
        func unreadable(_ text: String) {
            #expect(FollowingRelease(text) == nil)
        }
    #endif
}
