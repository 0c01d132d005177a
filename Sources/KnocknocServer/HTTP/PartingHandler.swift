import NIOCore

/// Lets a connection live a little longer than the listening socket: what is on its way over it when the server stops is
/// answered.
///
/// A load balancer goes elsewhere once a connection is refused, and not before. What it has sent by then would be lost
/// otherwise, since nobody sends a POST again.
final class PartingHandler: ChannelInboundHandler {
    typealias InboundIn = NIOAny
    typealias InboundOut = NIOAny

    private let patience: TimeAmount
    private var timer: Scheduled<Void>?

    /// - Parameter patience: zero where no load balancer is told before the stop.
    init(patience: TimeAmount) { self.patience = patience }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ChannelShouldQuiesceEvent, patience > .zero else {
            return context.fireUserInboundEventTriggered(event)
        }
        guard timer == nil else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: patience) {
            context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }
}
