import KnocknocProtocol
import NIOCore
import NIOWebSocket

/// Writes messages to one link and notes for how long a write has been stuck.
struct LinkWriter: Sendable {
    let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    let vitals: LinkVitals

    func send(_ message: ServerMessage) async throws {
        try await write(.text, ByteBuffer(bytes: try Codec.encode(message)))
    }

    func pong(_ data: ByteBuffer) async throws { try await write(.pong, data) }

    func close(_ code: WebSocketErrorCode) async throws {
        var data = ByteBuffer()
        data.write(webSocketErrorCode: code)
        try await write(.connectionClose, data)
    }

    private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer) async throws {
        vitals.beginWrite()
        defer { vitals.endWrite() }
        try await outbound.write(WebSocketFrame(fin: true, opcode: opcode, data: data))
    }
}

extension ServerMessage.Bye.Code {
    /// The close code beside a bye (RFC 6455 §7.4.1).
    var closeCode: WebSocketErrorCode {
        switch self {
        case .replaced, .resync: .normalClosure
        case .noDatabase, .draining: .goingAway
        case .protocolError, .unsupportedProtocol: .protocolError
        case .revoked, .keyChanged: .policyViolation
        }
    }
}
