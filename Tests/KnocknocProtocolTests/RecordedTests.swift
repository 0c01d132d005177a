import Foundation
import KnocknocModel
import KnocknocProtocol
import Testing

/// Frames of protocol version 1 as its first release sent them, recorded once. They are never edited: nodes and agents
/// of that release run beside every later one that still speaks version 1.
@Suite("recorded frames of protocol version 1")
struct RecordedTests {
    private static func frames(_ name: String) throws -> [String] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Recorded/\(name)")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// Values of a frame; what a newer release adds beside them is ignored by the older one.
    private static func contains(_ new: Any, _ old: Any) -> Bool {
        switch (new, old) {
        case (let new as [String: Any], let old as [String: Any]):
            old.allSatisfy { key, value in new[key].map { contains($0, value) } ?? false }
        case (let new as [Any], let old as [Any]):
            new.count == old.count && zip(new, old).allSatisfy { contains($0, $1) }
        default: (new as? NSObject) == (old as? NSObject)
        }
    }

    private static func check(_ frame: String, _ bytes: [UInt8]) throws {
        let now = try JSONSerialization.jsonObject(with: Data(bytes))
        let then = try JSONSerialization.jsonObject(with: Data(frame.utf8))
        #expect(contains(now, then), "recorded: \(frame)\nnow: \(String(decoding: bytes, as: UTF8.self))")
    }

    @Test("a web node's frames mean what they meant, and are sent as they were")
    func server() throws {
        let frames = try Self.frames("server-v1.jsonl")
        #expect(frames.count == 10)
        for (frame, message) in zip(frames, CodecTests.serverMessages) {
            #expect(try Codec.decodeServer(Array(frame.utf8)) == message)
            try Self.check(frame, try Codec.encode(message))
        }
    }

    @Test("an agent's frames mean what they meant, and are sent as they were")
    func agent() throws {
        let frames = try Self.frames("agent-v1.jsonl")
        #expect(frames.count == 6)
        for (frame, message) in zip(frames, CodecTests.agentMessages) {
            #expect(try Codec.decodeAgent(Array(frame.utf8)) == message)
            try Self.check(frame, try Codec.encode(message))
        }
    }
}
