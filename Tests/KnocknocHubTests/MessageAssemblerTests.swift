import KnocknocProtocol
import Logging
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import KnocknocHub

@Suite("messages of a link", .timeLimit(.minutes(1)))
struct MessageAssemblerTests {
    private func frame(_ opcode: WebSocketOpcode, _ bytes: [UInt8], fin: Bool = true) -> WebSocketFrame {
        WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(bytes: bytes))
    }

    private func code(_ event: MessageAssembler.Event?) -> WebSocketErrorCode? {
        if case .violation(let code, _)? = event { code } else { nil }
    }

    @Test("have at most 1 MiB, in one frame as in several, and may have as much")
    func bounds() {
        let most = [UInt8](repeating: 1, count: Codec.maximumBytes)
        var assembler = MessageAssembler()
        #expect(assembler.take(frame(.text, most)) == .message(most))
        #expect(code(assembler.take(frame(.text, most + [1]))) == .messageTooLarge)
        assembler = MessageAssembler()
        #expect(assembler.take(frame(.text, Array(most.dropLast()), fin: false)) == nil)
        #expect(assembler.take(frame(.continuation, [1])) == .message(most))
        #expect(assembler.take(frame(.text, most, fin: false)) == nil)
        #expect(code(assembler.take(frame(.continuation, [1]))) == .messageTooLarge)
    }

    @Test("are not begun one inside another, nor gone on with where none has begun")
    func order() {
        var assembler = MessageAssembler()
        #expect(code(assembler.take(frame(.continuation, [1]))) == .protocolError)
        #expect(assembler.take(frame(.text, [1], fin: false)) == nil)
        // A ping may come in between.
        #expect(assembler.take(frame(.ping, [7])) == .ping(ByteBuffer(bytes: [7])))
        #expect(assembler.take(frame(.continuation, [2])) == .message([1, 2]))
        #expect(assembler.take(frame(.text, [1], fin: false)) == nil)
        #expect(code(assembler.take(frame(.text, [2]))) == .protocolError)
    }

    @Test("that break the rules end the link with the rule's code, and a bye with its own")
    func closeCodes() async throws {
        let directory = FakeDirectory(answer: .snapshot(StreamRows(position: HubTests.start), diverged: false))
        let hub = Hub(
            directory: directory, node: "web-1", logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        for (opcode, bytes, expected) in [
            (.text, [UInt8](repeating: 32, count: Codec.maximumBytes + 1), .messageTooLarge),
            (.continuation, [1], .protocolError), (.text, Array("{}".utf8), .protocolError),
        ] as [(WebSocketOpcode, [UInt8], WebSocketErrorCode)] {
            let agent = try await FakeAgent(hub)
            try await agent.send(opcode, fin: true, bytes)
            #expect(try await agent.closeCode() == expected)
            await agent.hangUp()
        }
        for (isRevoked, expected) in [(true, .policyViolation), (false, .goingAway)] as [(Bool, WebSocketErrorCode)] {
            if !isRevoked { hub.drain() }
            let agent = try await FakeAgent(hub, isRevoked: isRevoked)
            #expect(try await agent.closeCode() == expected)
            await agent.hangUp()
        }
    }
}

extension FakeAgent {
    /// Reads on until the server closes.
    fileprivate func closeCode() async throws -> WebSocketErrorCode? {
        while true {
            var frame = try await channel.waitForOutboundWrite(as: WebSocketFrame.self)
            if frame.opcode == .connectionClose { return frame.data.readWebSocketErrorCode() }
        }
    }
}
