import Foundation
import Testing

@testable import KnocknocSystem

@Suite("what would change in a text")
struct LineDiffTests {
    @Test("the difference is what diff -u says, and patch makes the new text of it", arguments: 0..<60)
    func patch(_ seed: Int) async throws {
        var random = Seeded(UInt64(seed))
        let old = (0..<Int.random(in: 0...40, using: &random)).map { _ in
            "line \(Int.random(in: 0...9, using: &random))"
        }
        var new = old
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            if Bool.random(using: &random), !new.isEmpty {
                new.remove(at: Int.random(in: 0..<new.count, using: &random))
            } else {
                new.insert(
                    "new \(Int.random(in: 0...9, using: &random))", at: Int.random(in: 0...new.count, using: &random))
            }
        }
        let text = { (lines: [String]) in lines.map { $0 + "\n" }.joined() }
        let folder = FileManager.default.temporaryDirectory.appending(path: "knocknoc-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = SystemFile(folder + "/file")
        try file.replace(with: text(old))
        let difference = LineDiff.unified(text(old), text(new), name: "file")
        #expect(difference.isEmpty == (old == new))
        guard !difference.isEmpty else { return }
        try await Command.check("patching", ["patch", "-s", "--fuzz=0", file.path], input: difference)
        #expect(try file.text() == text(new))
    }

    @Test("lines that nobody changed are not shown beyond three")
    func context() {
        let old = (1...20).map { "\($0)\n" }.joined()
        let shown = LineDiff.unified(old, old.replacing("10\n", with: "ten\n"), name: "f")
        #expect(
            shown == """
                --- f
                +++ f (new)
                @@ -7,7 +7,7 @@
                 7
                 8
                 9
                -10
                +ten
                 11
                 12
                 13

                """)
    }
}

/// A generator that gives the same numbers for the same seed.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
