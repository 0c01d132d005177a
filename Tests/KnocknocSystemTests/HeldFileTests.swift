import Foundation
import Testing

@testable import KnocknocSystem

@Suite("files of a service's, held", .enabled(if: geteuid() == 0, "needs root"))
struct HeldFileTests {
    private static let service: UInt32 = 4711

    /// Runs `body` in a folder of its own, with one of root's and one of a service's in it.
    private func inFolder(_ body: (_ roots: String, _ theirs: String) throws -> Void) throws {
        let folder = "/var/tmp/knocknoc-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for made in ["/roots", "/theirs", "/theirs/x"] {
            try FileManager.default.createDirectory(atPath: folder + made, withIntermediateDirectories: true)
            #expect(chmod(folder + made, 0o755) == 0)
        }
        for made in ["/theirs", "/theirs/x"] { #expect(chown(folder + made, Self.service, Self.service) == 0) }
        try "root's".write(toFile: folder + "/roots/list", atomically: true, encoding: .utf8)
        try body(folder + "/roots", folder + "/theirs")
    }

    private func link(_ path: String, to target: String, owner: UInt32 = Self.service) throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        #expect(lchown(path, owner, owner) == 0)
    }

    private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    private func refused(_ word: String, _ attempt: () throws -> Void) {
        let error = #expect(throws: SystemError.self) { try attempt() }
        #expect(error?.code == .invalid && error?.message.contains(word) == true, "\(String(describing: error))")
    }

    @Test("a folder that is swapped for a link between looking and writing gets what was meant for it, wherever it is")
    func swapped() throws {
        try inFolder { roots, theirs in
            try "theirs".write(toFile: theirs + "/x/list", atomically: true, encoding: .utf8)
            let file = try #require(try HeldFile.find(theirs + "/x/list"))
            #expect(try file.content(limit: 100)?.bytes == Array("theirs".utf8))
            #expect(rename(theirs + "/x", theirs + "/y") == 0)
            try link(theirs + "/x", to: roots)
            for amongOthers in [false, true] {
                try file.replace(with: Array("new".utf8), amongOthers: amongOthers)
                #expect(text(theirs + "/y/list") == "new" && text(roots + "/list") == "root's")
            }
            let facts = try FileManager.default.attributesOfItem(atPath: theirs + "/y/list")
            #expect(facts[.ownerAccountID] as? Int == Int(Self.service) && facts[.posixPermissions] as? Int == 0o600)
            try file.rename(appending: ".old")
            #expect(text(theirs + "/y/list.old") == "new")
            try file.replace(with: [])
            try file.remove()
            try file.remove()
            #expect(try file.content(limit: 100) == nil)
            #expect(try FileManager.default.contentsOfDirectory(atPath: roots) == ["list"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: theirs + "/y") == ["list.old"])
        }
    }

    @Test("root goes by no link of a service's: not on the way, nor in the file's place")
    func links() throws {
        try inFolder { roots, theirs in
            try link(theirs + "/way", to: roots)
            try link(theirs + "/list", to: roots + "/list")
            for following in [false, true] {
                refused("is a symbolic link in a folder of another user") {
                    _ = try HeldFile.find(theirs + "/way/list", followingLast: following)
                }
            }
            refused("is a symbolic link in a folder of another user") {
                _ = try HeldFile.find(theirs + "/list", followingLast: true)
            }
            let file = try #require(try HeldFile.find(theirs + "/list"))
            refused("is a symbolic link; expected the file itself") { _ = try file.content(limit: 100) }
            try file.replace(with: Array("new".utf8))
            #expect(text(theirs + "/list") == "new" && text(roots + "/list") == "root's")
            #expect(try HeldFile.find(theirs + "/no/list") == nil)
        }
    }

    @Test("a link in the file's place that root alone could have put there is followed where that is asked for")
    func roots() throws {
        try inFolder { roots, theirs in
            try link(roots + "/short", to: "list", owner: 0)
            try link(roots + "/whole", to: roots + "/short", owner: 0)
            try link(roots + "/circle", to: "circle", owner: 0)
            let file = try #require(try HeldFile.find(roots + "/whole", followingLast: true))
            #expect(try file.content(limit: 100)?.bytes == Array("root's".utf8) && file.path == roots + "/list")
            refused("leads in a circle") { _ = try HeldFile.find(roots + "/circle", followingLast: true) }
            // What it leads to may be a service's word again.
            try link(roots + "/out", to: theirs + "/back", owner: 0)
            try link(theirs + "/back", to: roots + "/list")
            refused("root does not follow it") { _ = try HeldFile.find(roots + "/out", followingLast: true) }
        }
    }

    @Test("what would keep a reader waiting, or is larger than it may be, is not read")
    func others() throws {
        try inFolder { _, theirs in
            #expect(mkfifo(theirs + "/list", 0o600) == 0)
            let file = try #require(try HeldFile.find(theirs + "/list"))
            refused("is no regular file") { _ = try file.content(limit: 100) }
            try file.replace(with: Array(repeating: 0, count: 100))
            #expect(try file.content(limit: 100)?.bytes.count == 100)
            refused("is larger than 99 bytes") { _ = try file.content(limit: 99) }
        }
    }
}
