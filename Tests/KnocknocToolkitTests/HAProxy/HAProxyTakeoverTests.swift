import Foundation
import KnocknocHAProxy
import KnocknocSystem
import Testing

@Suite("haproxy.cfg as it is and as it will be") struct HAProxyTakeoverTests {
    private static let marks = HAProxyMarks(begin: "# >>> test", end: "# <<< test", remedy: "begin anew")
    private static let part = "# >>> test\nfrontend a\n# <<< test\n"

    /// In a folder of its own, in which no HAProxy runs.
    private func inFolder(
        _ content: String?, _ body: (SystemFile, HAProxyService, Recorder) async throws -> Void
    ) async throws {
        let root = FileManager.default.temporaryDirectory.path + "/knocknoc-draft-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        let file = SystemFile(root + "/haproxy.cfg")
        if let content { try file.replace(with: content) }
        try await body(file, HAProxyService(socket: root + "/none.sock", root: root), Recorder())
    }

    @Test("a part that is there already changes nothing, another one does, and no secret is shown")
    func draft() async throws {
        try await inFolder("global\n    stats auth admin:hunter2\n") { file, _, console in
            var draft = try HAProxyDraft(of: file.path, marks: Self.marks)
            #expect(!draft.changes && draft.diff.isEmpty)
            draft.put(part: Self.part)
            #expect(draft.changes && draft.diff.contains("+frontend a"))
            #expect(!draft.diff.contains("hunter2"))
            draft.print(to: console)
            try file.replace(with: draft.bytes)
            draft = try HAProxyDraft(of: file.path, marks: Self.marks)
            draft.put(part: Self.part)
            #expect(!draft.changes)
            draft.put(part: nil)
            #expect(draft.changes && draft.diff.contains("-frontend a"))
        }
    }

    @Test("what is there already is not written again, and no copy is kept")
    func same() async throws {
        try await inFolder(Self.part) { file, service, console in
            var draft = try HAProxyDraft(of: file.path, marks: Self.marks)
            draft.put(part: Self.part)
            let takeover = try await HAProxyTakeover(of: draft, by: service, console)
            try await Undoing.run(console) { try await takeover.write(&$0) }
            #expect(!file.backup.exists)
        }
    }

    @Test("what an editor has saved meanwhile stays", arguments: ["global\n", "global\n# theirs\n" + part])
    func edited(_ before: String) async throws {
        try await inFolder(before) { file, service, console in
            var draft = try HAProxyDraft(of: file.path, marks: Self.marks)
            draft.put(part: Self.part.replacing("frontend a", with: "frontend b"))
            let made = draft
            try file.replace(with: before + "# saved\n")
            let takeover = try await HAProxyTakeover(of: made, by: service, console)
            let error = await #expect(throws: SystemError.self) {
                try await Undoing.run(console) { try await takeover.write(&$0) }
            }
            #expect(error?.code == .busy, "\(String(describing: error))")
            #expect(try file.text() == before + "# saved\n")
        }
    }

    @Test("where a later step fails the file is as it was, or gone", arguments: ["global\n", nil])
    func undone(_ before: String?) async throws {
        try await inFolder(before) { file, service, console in
            var draft = try HAProxyDraft(of: file.path, marks: Self.marks)
            draft.put(part: Self.part)
            let made = draft
            let takeover = try await HAProxyTakeover(of: made, by: service, console)
            let failure = SystemError(.failed, "a later step")
            let error = await #expect(throws: SystemError.self) {
                try await Undoing.run(console) { steps in
                    try await takeover.begin(&steps)
                    try await takeover.write(&steps)
                    #expect(try file.bytes() == made.bytes)
                    throw failure
                }
            }
            #expect(error?.message == failure.message)
            #expect(try file.text() == before)
        }
    }
}
