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
        }
    }

    @Test("a file that is not there, or a link to nothing, is missing: what comes there later is not followed unseen")
    func missing() throws {
        try inFolder { folder in
            for path in [folder + "/missing", folder + "/missing/file", try link(folder, to: folder + "/gone").path] {
                let error = #expect(throws: SystemError.self) { try SystemFile(path).followed(for: getuid()) }
                #expect(
                    error?.code == .missing && error?.message.contains("not there") == (path != folder + "/missing"))
            }
            let circle = folder + "/circle"
            try FileManager.default.createSymbolicLink(atPath: circle, withDestinationPath: "circle")
            let error = #expect(throws: SystemError.self) { try SystemFile(circle).followed(for: getuid()) }
            #expect(error?.code == .invalid && error?.message.contains("in a circle") == true)
        }
    }

    @Test(
        "a link that takes a folder's place, or a folder a link's, at any moment of looking never leads to root's file",
        .enabled(if: getuid() == 0, "needs root"), arguments: [true, false])
    func exchanged(_ beginsAsLink: Bool) throws {
        try inFolder { folder in
            let service: UInt32 = 4711
            let (roots, theirs) = (folder + "/roots", folder + "/theirs")
            let (way, other) = (theirs + "/way", theirs + "/other")
            for made in [roots, theirs, beginsAsLink ? other : way] {
                try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: false)
            }
            try SystemFile(roots + "/file").replace(with: "root's")
            try SystemFile((beginsAsLink ? other : way) + "/file").replace(with: "theirs")
            try FileManager.default.createSymbolicLink(
                atPath: beginsAsLink ? way : other, withDestinationPath: "../roots")
            for made in [theirs, way, other, (beginsAsLink ? other : way) + "/file"] {
                #expect(lchown(made, service, service) == 0)
            }
            func exchange() {
                #expect(rename(way, theirs + "/third") == 0 && rename(other, way) == 0)
                #expect(rename(theirs + "/third", other) == 0)
            }
            var reads: Set<String?> = []
            for moment in 0...10 {
                for returns in moment...10 {
                    var (look, isExchanged) = (0, false)
                    let found = try? SystemFile(way + "/file").followed(for: service) { _ in
                        if look == moment || look == returns {
                            exchange()
                            isExchanged.toggle()
                        }
                        look += 1
                    }
                    for _ in 0...1 {
                        reads.insert(try? found?.text())
                        exchange()
                    }
                    if isExchanged { exchange() }
                }
            }
            #expect(reads == [nil, "theirs"])
        }
    }

    @Test(
        "a folder that becomes a link after it was looked at is not followed: nothing is read, made or replaced there")
    func swapped() throws {
        try inFolder { folder in
            let (theirs, others) = (folder + "/theirs", folder + "/others")
            for made in [theirs, others] {
                try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: false)
                try SystemFile(made + "/file").replace(with: made)
            }
            let file = try SystemFile(theirs + "/file").followed(for: getuid())
            try file.replace(with: "ours")
            #expect(try file.text() == "ours" && file.backup.text() == theirs)
            #expect(try SystemFile(theirs + "/file").text() == "ours")
            try FileManager.default.moveItem(atPath: theirs, toPath: folder + "/away")
            try FileManager.default.createSymbolicLink(atPath: theirs, withDestinationPath: others)
            for attempt in [
                { try file.replace(with: "ours") }, { _ = try file.text() }, { _ = try file.attributes() },
                { try file.remove() }, { _ = try file.backup.text() },
            ] as [() throws -> Void] {
                let error = #expect(throws: SystemError.self) { try attempt() }
                #expect(error?.code == .busy && error?.message.contains("\(theirs) was a folder") == true)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: others) == ["file"])
            #expect(try SystemFile(others + "/file").text() == others)
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

    @Test(
        "a link in the middle of the path, and one behind another, is no more trusted than the last one",
        .enabled(if: getuid() == 0, "needs root"))
    func middle() throws {
        try inFolder { folder in
            let service: UInt32 = 4711
            let (roots, theirs) = (folder + "/roots", folder + "/theirs")
            for made in [roots, theirs] {
                try FileManager.default.createDirectory(atPath: made, withIntermediateDirectories: false)
            }
            try SystemFile(roots + "/file").replace(with: "root's")
            #expect(chown(theirs, service, service) == 0)
            let way = theirs + "/way"
            try FileManager.default.createSymbolicLink(atPath: way, withDestinationPath: "../roots")
            #expect(lchown(way, service, service) == 0)
            let word = folder + "/word"
            try FileManager.default.createSymbolicLink(atPath: word, withDestinationPath: "theirs/./way")
            for path in [way + "/file", word + "/file", theirs + "/../theirs/way/file"] {
                let error = #expect(throws: SystemError.self) { try SystemFile(path).followed(for: service) }
                #expect(error?.code == .invalid && error?.message.contains("which belongs to root") == true, "\(path)")
            }
            // What is the service's own is found on that way all the same.
            #expect(chown(roots + "/file", service, service) == 0)
            #expect(try SystemFile(way + "/file").followed(for: service).path == roots + "/file")
        }
    }

    @Test("root's own link in the middle leads a service to root's file", .enabled(if: getuid() == 0, "needs root"))
    func rootsWord() throws {
        try inFolder { folder in
            try FileManager.default.createDirectory(atPath: folder + "/real", withIntermediateDirectories: false)
            try SystemFile(folder + "/real/file").replace(with: "root's")
            let way = try link(folder, to: "real").path
            #expect(try SystemFile(way + "/file").followed(for: 4711).path == folder + "/real/file")
            // Nobody else's, where everybody may make one.
            #expect(chmod(folder, 0o1777) == 0 && lchown(way, 4712, 4712) == 0)
            let error = #expect(throws: SystemError.self) { try SystemFile(way + "/file").followed(for: 4711) }
            #expect(error?.message.contains("which user 4712 has made") == true, "\(String(describing: error))")
        }
    }
}
