import Foundation
import KnocknocProtocol
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Testing

/// A web node's link endpoint in this process.
final class FakeServer: Sendable {
    let token: String
    private let channel: any Channel
    private let links = NIOLockedValueBox<[FakeLink]>([])
    let heads: NIOLockedValueBox<[HTTPRequestHead]>
    let changes = Signal()

    /// Known after the listener is closed, too.
    let port: Int
    var accepted: [FakeLink] { links.withLockedValue { $0 } }

    private init(token: String, channel: any Channel, heads: NIOLockedValueBox<[HTTPRequestHead]>) {
        self.token = token
        self.channel = channel
        port = channel.localAddress?.port ?? 0
        self.heads = heads
    }

    static func start(token: String = testToken, tls: NIOSSLContext? = nil, port: Int = 0) async throws -> FakeServer {
        let box = NIOLockedValueBox<FakeServer?>(nil)
        let heads = NIOLockedValueBox<[HTTPRequestHead]>([])
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    let upgrader = NIOWebSocketServerUpgrader(
                        maxFrameSize: 1 << 21,
                        shouldUpgrade: { channel, head in
                            heads.withLockedValue { $0.append(head) }
                            let fits = head.headers.first(name: "authorization") == "Bearer \(token)"
                            return channel.eventLoop.makeSucceededFuture(fits ? HTTPHeaders() : nil)
                        },
                        upgradePipelineHandler: { channel, head in
                            channel.eventLoop.makeCompletedFuture {
                                let link = FakeLink(channel: channel, host: head.headers.first(name: "host") ?? "")
                                try channel.pipeline.syncOperations.addHandler(FakeLinkHandler(link: link))
                                box.withLockedValue { $0 }?.add(link)
                            }
                        })
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withServerUpgrade: (
                            upgraders: [upgrader],
                            completionHandler: { context in
                                if let refuser = try? context.pipeline.syncOperations.context(handlerType: Refuser.self)
                                {
                                    context.pipeline.syncOperations.removeHandler(context: refuser, promise: nil)
                                }
                            }
                        ))
                    try channel.pipeline.syncOperations.addHandler(Refuser())
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let server = FakeServer(token: token, channel: channel, heads: heads)
        box.withLockedValue { $0 = server }
        return server
    }

    private func add(_ link: FakeLink) {
        links.withLockedValue { $0.append(link) }
        changes.notify()
    }

    /// Waits for the link with this number, counted from 0.
    func link(_ index: Int = 0, sourceLocation: SourceLocation = #_sourceLocation) async throws -> FakeLink {
        await changes.wait("link \(index)", sourceLocation: sourceLocation) { self.accepted.count > index }
        return try #require(accepted.count > index ? accepted[index] : nil, sourceLocation: sourceLocation)
    }

    /// Ends the listener and every connection at once, as a killed process does.
    func kill() async {
        try? await channel.close()
        for link in accepted { link.channel.close(promise: nil) }
    }
}

let testToken = "kna_0123456789abcdefghijklmnop"

/// Answers 401 where the upgrade was not granted.
private final class Refuser: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let head = HTTPResponseHead(
            version: .http1_1, status: .unauthorized, headers: ["content-length": "0", "connection": "close"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
