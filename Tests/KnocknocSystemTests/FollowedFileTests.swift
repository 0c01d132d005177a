import Foundation
import Testing

@testable import KnocknocSystem

@Suite("a service's file that may be a link")
struct FollowedFileTests {
    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "knocknoc-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        guard let real = realpath(folder, nil) else { return }
        defer { free(real) }
        try body(String(cString: real))
    }

    private func link(_ folder: String, to target: String) throws -> SystemFile {
        let link = folder + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
        return SystemFile(link)
    }

    @Test("the service's own file is found behind its link, and one that is no link is itself")
    func own() throws {
        try inFolder { folder in
            let real = SystemFile(folder + "/real")
            try real.replace(with: "text")
            #expect(try real.followed(for: getuid()).path == real.path)
            let followed = try link(folder, to: real.path).followed(for: getuid())
            #expect(followed.path == real.path && !followed.followsLinks)
            #expect(try SystemFile(folder + "/missing").followed(for: getuid()).text() == nil)
        }
    }

    @Test("a link to somebody else's file is refused, also to one of root's from a folder that is not root's alone")
    func foreign() throws {
        try inFolder { folder in
            let real = SystemFile(folder + "/real")
            try real.replace(with: "text")
            try FileManager.default.setAttributes([.posixPermissions: 0o775], ofItemAtPath: folder)
            let link = try link(folder, to: real.path)
            let error = #expect(throws: SystemError.self) { try link.followed(for: getuid() + 4711) }
            #expect(
                error?.code == .invalid && error?.message.contains("which belongs to") == true,
                "\(String(describing: error))")
        }
    }

    @Test("a link into a folder that others may change is refused")
    func openFolder() throws {
        try inFolder { folder in
            let open = folder + "/open"
            try FileManager.default.createDirectory(atPath: open, withIntermediateDirectories: false)
            let real = SystemFile(open + "/real")
            try real.replace(with: "text")
            let link = try link(folder, to: real.path)
            #expect(try link.followed(for: getuid()).path == real.path)
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: open)
            let error = #expect(throws: SystemError.self) { try link.followed(for: getuid()) }
            #expect(error?.message.contains("everybody may change") == true)
        }
    }

    @Test("a link into another user's folder is refused", .enabled(if: getuid() == 0, "needs root"))
    func foreignFolder() throws {
        try inFolder { folder in
            let theirs = folder + "/theirs"
            try FileManager.default.createDirectory(atPath: theirs, withIntermediateDirectories: false)
            try SystemFile(theirs + "/real").replace(with: "text")
            let link = try link(folder, to: theirs + "/real")
            #expect(chown(theirs, 4711, 4711) == 0)
            let error = #expect(throws: SystemError.self) { try link.followed(for: 0) }
            #expect(error?.message.contains("in a folder of user 4711") == true)
        }
    }
}
