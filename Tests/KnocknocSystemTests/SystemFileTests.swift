import Foundation
import Testing

@testable import KnocknocSystem

@Suite("a file of the machine")
struct SystemFileTests {
    /// Runs `body` in a folder of its own.
    private func inFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "knocknoc-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    @Test("keeps mode and owner, and what was there before beside it")
    func replaced() async throws {
        try await inFolder { folder in
            let file = SystemFile(folder + "/pg_hba.conf")
            try file.replace(with: "old\n", attributes: .init(mode: 0o640, owner: getuid(), group: getgid()))
            #expect(try file.backup.text() == nil)
            try file.replace(with: "new\n", attributes: .init(mode: 0o777))
            #expect(try file.text() == "new\n")
            #expect(try file.backup.text() == "old\n")
            #expect(try file.attributes() == .init(mode: 0o640, owner: getuid(), group: getgid()))
            #expect(try file.backup.attributes()?.mode == 0o640)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
        }
    }

    @Test("through a symbolic link what it points at is replaced")
    func link() async throws {
        try await inFolder { folder in
            let (real, link) = (SystemFile(folder + "/real"), SystemFile(folder + "/link"))
            try real.replace(with: "old")
            try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: real.path)
            try link.replace(with: "new")
            #expect(try real.text() == "new")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link.path) == real.path)
        }
    }

    @Test("in a folder of somebody else a symbolic link is refused, read or replaced")
    func foreignLink() async throws {
        try await inFolder { folder in
            let real = SystemFile(folder + "/real")
            try real.replace(with: "old")
            let link = SystemFile(folder + "/link", followsLinks: false)
            try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: real.path)
            #expect(throws: SystemError.self) { try link.text() }
            #expect(throws: SystemError.self) { try link.attributes() }
            #expect(throws: SystemError.self) { try link.replace(with: "new") }
            #expect(try real.text() == "old")
        }
    }

    @Test("what cannot be written leaves the file as it was and nothing beside it")
    func unwritable() async throws {
        try await inFolder { folder in
            let missing = SystemFile(folder + "/no/such/folder/file")
            #expect(throws: SystemError.self) { try missing.replace(with: "text") }
            let file = SystemFile(folder + "/file")
            try file.replace(with: "old")
            // A folder is where the new file would be written first.
            try FileManager.default.createDirectory(
                atPath: file.path + ".knocknoc-new", withIntermediateDirectories: true)
            #expect(throws: SystemError.self) { try file.replace(with: "new") }
            #expect(try file.text() == "old")
        }
    }

    @Test("what somebody has saved meanwhile is not overwritten")
    func meanwhile() async throws {
        try await inFolder { folder in
            let file = SystemFile(folder + "/file")
            try file.replace(with: "theirs")
            let error = #expect(throws: SystemError.self) {
                try file.replace(with: Array("ours".utf8), expecting: Array("as read".utf8))
            }
            #expect(error?.code == .busy)
            #expect(try file.text() == "theirs")
            try file.replace(with: Array("ours".utf8), expecting: Array("theirs".utf8))
            #expect(try file.text() == "ours")
        }
    }

    @Test("text that is not UTF-8 is not touched by accident")
    func binary() async throws {
        try await inFolder { folder in
            let file = SystemFile(folder + "/file")
            try file.replace(with: [0xff, 0xfe, 0x0a])
            #expect(throws: SystemError.self) { try file.text() }
        }
    }

    @Test("two commands do not change a file at once")
    func lock() async throws {
        try await inFolder { folder in
            let file = SystemFile(folder + "/file")
            try await file.locked {
                let second = await Result { try await file.locked { true } }
                #expect(throws: SystemError.self) { try second.get() }
            }
            #expect(try await file.locked { true })
        }
    }
}

extension Result where Failure == any Error {
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
