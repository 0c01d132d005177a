import Foundation
import Testing

/// docs/testing.md, "Fuzzing".
@Suite("what comes over a link, fuzzed", .timeLimit(.minutes(20))) struct FuzzTests {
    static func corpus(_ name: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Corpus/\(name)").standardized
    }
}
