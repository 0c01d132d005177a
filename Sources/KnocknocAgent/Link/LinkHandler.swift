import NIOCore
import NIOWebSocket

/// The last handler of a link: whole text frames go out of the pipeline, control frames are answered here.
final class LinkHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let receive: @Sendable (ByteBuffer) -> Void
    private let trouble: FirstError

    init(trouble: FirstError, receive: @escaping @Sendable (ByteBuffer) -> Void) {
        self.trouble = trouble
        self.receive = receive
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text: receive(frame.unmaskedData)
        case .ping: send(context, .pong, frame.unmaskedData)
        case .connectionClose:
            trouble.note("the server closed the link\(Self.reason(frame.unmaskedData))")
            var code = frame.unmaskedData
            send(context, .connectionClose, code.readSlice(length: min(2, code.readableBytes)) ?? ByteBuffer())
            context.close(promise: nil)
        case .binary:
            trouble.note("the server sent a binary frame; expected text")
            context.close(promise: nil)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        trouble.note(error)
        context.close(promise: nil)
    }

    private func send(_ context: ChannelHandlerContext, _ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    /// Code and text of a close frame (RFC 6455 §5.5.1).
    private static func reason(_ data: ByteBuffer) -> String {
        var data = data
        guard let code = data.readInteger(as: UInt16.self) else { return "" }
        let text = data.readString(length: data.readableBytes) ?? ""
        return " (\(code)\(text.isEmpty ? "" : ": \(text)"))"
    }
}
