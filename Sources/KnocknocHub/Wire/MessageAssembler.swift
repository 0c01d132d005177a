import KnocknocProtocol
import NIOCore
import NIOWebSocket

/// Puts a WebSocket message together from its frames (RFC 6455 §5.4).
struct MessageAssembler {
    enum Event: Equatable {
        case message([UInt8])
        case ping(ByteBuffer)
        case closed
        /// The peer broke the protocol; close with this code.
        case violation(WebSocketErrorCode, String)
    }

    private var parts: ByteBuffer?

    /// - Returns: nil while the message goes on.
    mutating func take(_ frame: WebSocketFrame) -> Event? {
        switch frame.opcode {
        case .ping: return .ping(frame.unmaskedData)
        case .pong: return nil
        case .connectionClose: return .closed
        case .text, .binary:
            guard parts == nil else { return .violation(.protocolError, "a new message began inside another") }
            return append(frame, to: ByteBuffer())
        case .continuation:
            guard let parts else { return .violation(.protocolError, "a continuation of nothing") }
            return append(frame, to: parts)
        default: return .violation(.protocolError, "an unknown opcode")
        }
    }

    private mutating func append(_ frame: WebSocketFrame, to whole: ByteBuffer) -> Event? {
        var whole = whole
        var data = frame.unmaskedData
        guard whole.readableBytes + data.readableBytes <= Codec.maximumBytes else {
            return .violation(.messageTooLarge, "a message of more than \(Codec.maximumBytes) bytes")
        }
        whole.writeBuffer(&data)
        guard frame.fin else {
            parts = whole
            return nil
        }
        parts = nil
        return .message(Array(whole.readableBytesView))
    }
}
