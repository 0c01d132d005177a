import Foundation
import Testing

@testable import KnocknocSystem

@Suite("folders of the machine", .enabled(if: geteuid() == 0, "needs root"))
struct FolderWayTests {
    private static let service: UInt32 = 4711

    /// Runs `body` in a folder of its own, with one of root's and one of a service's in it.
    private func inFolder(_ body: (_ roots: String, _ theirs: String) throws -> Void) throws {
        let folder = "/var/tmp/knocknoc-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for made in ["/roots", "/theirs"] {
            try FileManager.default.createDirectory(atPath: folder + made, withIntermediateDirectories: true)
            #expect(chmod(folder + made, 0o755) == 0)
        }
        #expect(chown(folder + "/theirs", Self.service, Self.service) == 0)
        try body(folder + "/roots", folder + "/theirs")
    }

    private func link(_ path: String, to target: String, owner: UInt32 = Self.service) throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        #expect(lchown(path, owner, owner) == 0)
    }

    private func refused(
        _ attempt: () throws -> Void, _ word: String = "is a symbolic link in a folder of another user"
    ) {
        let error = #expect(throws: SystemError.self) { try attempt() }
        #expect(error?.code == .invalid && error?.message.contains(word) == true, "\(String(describing: error))")
    }

    @Test("one that is made has its mode and owner, its parents are root's, and one that is there stays as it is")
    func made() throws {
        try inFolder { roots, theirs in
            for folder in [roots, theirs] {
                for _ in 1...2 {
                    try SystemFolder.make(folder + "/a/b", mode: 0o750, owner: Self.service, group: Self.service)
                    let made = try SystemFolder.attributes(of: folder + "/a/b")
                    #expect(made == .init(mode: 0o750, owner: Self.service, group: Self.service))
                    #expect(try SystemFolder.attributes(of: folder + "/a")?.owner == 0)
                }
                try SystemFolder.make(folder + "/a/b", mode: 0o700)
                #expect(try SystemFolder.attributes(of: folder + "/a/b")?.mode == 0o750)
                #expect(try SystemFolder.attributes(of: folder + "/no/such") == nil)
                try SystemFile(folder + "/file").replace(with: "text")
                refused({ try SystemFolder.make(folder + "/file/x", mode: 0o700) }, "/file is no folder")
            }
        }
    }

    @Test(
        "no link of a service's is followed by root: not at the end, on the way, nor to nothing; not even one of root's there"
    )
    func theirs() throws {
        try inFolder { roots, theirs in
            try SystemFolder.make(roots + "/kept", mode: 0o700)
            for (name, target) in [("end", roots + "/kept"), ("nothing", roots + "/new"), ("up", "../roots")] {
                for owner in [Self.service, 0] {
                    try link(theirs + "/" + name, to: target, owner: owner)
                    for path in [theirs + "/" + name, theirs + "/\(name)/more"] {
                        refused { try SystemFolder.make(path, mode: 0o777, owner: Self.service, group: Self.service) }
                        refused { _ = try SystemFolder.attributes(of: path) }
                    }
                    refused { _ = try SystemFile.unfollowed(theirs + "/\(name)/file") }
                    #expect(unlink(theirs + "/" + name) == 0)
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: roots) == ["kept"])
            #expect(try SystemFolder.attributes(of: roots + "/kept") == .init(mode: 0o700))
        }
    }

    @Test("a link that root has put where root alone decides is followed, a circle is not")
    func roots() throws {
        try inFolder { roots, theirs in
            try link(roots + "/way", to: "../roots/./there", owner: 0)
            try SystemFolder.make(roots + "/way/made", mode: 0o711)
            #expect(try SystemFolder.attributes(of: roots + "/there/made")?.mode == 0o711)
            try link(roots + "/whole", to: roots + "/there", owner: 0)
            let file = try #require(try SystemFile.unfollowed(roots + "/whole/file"))
            #expect(file.path == roots + "/there/file")
            // From there on into a service's folder the service's links are its word again.
            try link(roots + "/out", to: theirs, owner: 0)
            try link(theirs + "/back", to: roots)
            refused { try SystemFolder.make(roots + "/out/back/x", mode: 0o700) }
            try link(roots + "/circle", to: "circle", owner: 0)
            refused({ _ = try SystemFolder.attributes(of: roots + "/circle") }, "leads in a circle")
        }
    }

    @Test("where others may add names root's links are followed if root alone can change them, and theirs are not")
    func shared() throws {
        try inFolder { roots, _ in
            try SystemFolder.make(roots + "/kept", mode: 0o700)
            try SystemFolder.make(roots + "/all", mode: 0o755)
            try link(roots + "/all/root", to: roots + "/kept", owner: 0)
            try link(roots + "/all/theirs", to: roots + "/kept")
            for (mode, isKept) in [(0o1777, true), (0o777, false), (0o775, false), (0o755, true)] as [(mode_t, Bool)] {
                #expect(chmod(roots + "/all", mode) == 0)
                refused { _ = try SystemFolder.attributes(of: roots + "/all/theirs") }
                if isKept {
                    #expect(try SystemFolder.attributes(of: roots + "/all/root") == .init(mode: 0o700))
                } else {
                    refused { _ = try SystemFolder.attributes(of: roots + "/all/root") }
                }
            }
        }
    }

    @Test("as many links are followed as the kernel follows, and no more")
    func links() throws {
        try inFolder { roots, _ in
            try SystemFolder.make(roots + "/0", mode: 0o700)
            for number in 1...41 { try link(roots + "/\(number)", to: "\(number - 1)", owner: 0) }
            #expect(try SystemFolder.attributes(of: roots + "/40") == .init(mode: 0o700))
            refused({ _ = try SystemFolder.attributes(of: roots + "/41") }, "leads in a circle")
        }
    }

    @Test(
        "a link in a file's own place is neither looked through, read, replaced nor, with the file that it leads to, removed"
    )
    func file() throws {
        try inFolder { roots, theirs in
            let kept = SystemFile(roots + "/kept")
            try kept.replace(with: "root's", attributes: .init(mode: 0o600))
            try link(theirs + "/list", to: kept.path)
            let list = try #require(try SystemFile.unfollowed(theirs + "/list"))
            refused { _ = try list.attributes() }
            #expect(throws: SystemError.self) { try list.text() }
            #expect(throws: SystemError.self) {
                try list.replace(with: "x", attributes: .init(mode: 0o666, owner: Self.service, group: Self.service))
            }
            try list.remove()
            #expect(try kept.text() == "root's" && kept.attributes() == .init(mode: 0o600))
            #expect(try list.attributes() == nil)
            try list.replace(with: "", attributes: .init(mode: 0o640, owner: Self.service, group: Self.service))
            #expect(try list.attributes() == .init(mode: 0o640, owner: Self.service, group: Self.service))
            #expect(try SystemFile.unfollowed(theirs + "/no/file") == nil)
        }
    }
}
