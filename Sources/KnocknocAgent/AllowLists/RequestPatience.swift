import NIOCore

/// Closes a connection whose request is too long or takes too long, or whose client does not read the answer.
final class RequestPatience: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Bytes of one request; a body is none that we take.
    static let bytes = 16 * 1024
    /// For a request, with the time before it, and again for its answer.
    static let time = TimeAmount.seconds(30)

    private var left = bytes
    private var timer: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { start(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        start(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        left -= unwrapInboundIn(data).readableBytes
        guard left >= 0 else { return context.close(promise: nil) }
        context.fireChannelRead(data)
    }

    /// A request has come whole, or its answer is out: the count begins anew.
    func restart(_ channel: any Channel) {
        left = Self.bytes
        timer?.cancel()
        timer = channel.eventLoop.scheduleTask(in: Self.time) { channel.close(promise: nil) }
    }

    private func start(_ context: ChannelHandlerContext) {
        if timer == nil { restart(context.channel) }
    }
}
