import Foundation
import Fuzz
import KnocknocProtocol
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import KnocknocHub

/// docs/testing.md, "Fuzzing".
@Suite("the bytes of a link, fuzzed", .timeLimit(.minutes(20))) struct WebSocketFuzzTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Corpus/websocket").standardized

    /// A client's frame, masked with zeroes (RFC 6455 §5.2).
    private static func frame(_ opcode: UInt8, fin: Bool = true, _ text: String) -> [UInt8] {
        let data = Array(text.utf8)
        let head: [UInt8] =
            data.count < 126 ? [0x80 | UInt8(data.count)] : [0xfe, UInt8(data.count >> 8), UInt8(data.count & 255)]
        return [(fin ? 0x80 : 0) | opcode] + head + [0, 0, 0, 0] + data
    }

    @Test("become whole messages of at most 1 MiB, or an end")
    func frames() async throws {
        let pong = #"{"type":"pong","id":"p"}"#
        let long = #"{"type":"pong","id":"\#(String(repeating: "x", count: 300))"}"#
        let seeds = [
            Self.frame(1, pong), Self.frame(1, long) + Self.frame(9, "hi") + Self.frame(1, pong),
            Self.frame(1, fin: false, "{\"type\":") + Self.frame(9, "") + Self.frame(0, "\"pong\",\"id\":\"p\"}"),
            Self.frame(8, "\u{3}\u{e8}bye"), Self.frame(2, pong),
        ]
        let fuzzer = try Fuzzer(
            "WebSocket", .bytes, corpus: Self.corpus, seeds: seeds, words: ["\u{1}", "{}", pong], longest: 4096)
        await fuzzer.run(Self.take)
    }

    private static func take(_ input: [UInt8]) throws -> String {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 20)))
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        var ways: [String] = []
        do { try channel.writeInbound(ByteBuffer(bytes: input)) } catch { ways.append("no frame") }
        var assembler = MessageAssembler()
        while let frame = try channel.readInbound(as: WebSocketFrame.self) {
            switch assembler.take(frame) {
            case nil: ways.append("part")
            case .ping: ways.append("ping")
            case .closed, .violation: return (ways + ["end"]).joined(separator: " ")
            case .message(let bytes):
                guard bytes.count <= Codec.maximumBytes else { throw BrokenRule("a message of \(bytes.count) bytes") }
                do throws(ProtocolError) {
                    let message = try Codec.decodeAgent(bytes)
                    ways.append(String(String(describing: message).prefix { $0 != "(" }))
                } catch {
                    ways.append("\(error.code)")
                }
            }
        }
        return ways.joined(separator: " ")
    }
}
