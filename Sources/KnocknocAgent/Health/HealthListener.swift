import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix

/// Serves `GET /health` on loopback: 200 while enforcing, 503 while something wanted cannot be made true.
struct HealthListener: Sendable {
    let channel: any Channel

    /// - Throws: ``AgentError`` naming the address that cannot be listened on.
    static func open(
        _ listen: AgentConfiguration.Listen, group: any EventLoopGroup, board: HealthBoard
    ) async throws(AgentError) -> HealthListener {
        do {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                        try channel.pipeline.syncOperations.addHandler(HealthHandler(board: board))
                    }
                }
                .bind(host: listen.host, port: listen.port).get()
            return HealthListener(channel: channel)
        } catch {
            throw AgentError(
                .health,
                "HealthListen: \(listen.refusal(error)); choose a free port, or none")
        }
    }

    var port: Int? { channel.localAddress?.port }
}

final class HealthHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let board: HealthBoard
    private var request: HTTPRequestHead?

    init(board: HealthBoard) { self.board = board }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): request = head
        case .body: break
        case .end: answer(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ context: ChannelHandlerContext) {
        guard let request else { return }
        self.request = nil
        let report = board.read()
        let path = request.uri.prefix { $0 != "?" }
        let status: HTTPResponseStatus =
            path != "/health"
            ? .notFound
            : request.method != .GET && request.method != .HEAD
                ? .methodNotAllowed : report.status == .ok ? .ok : .serviceUnavailable
        var body = ByteBuffer()
        if path == "/health", let json = try? Self.encoder().encode(report) { body.writeBytes(json) }
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "Content-Length": "\(body.readableBytes)", "Cache-Control": "no-store",
        ]
        if !request.isKeepAlive { headers.add(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(.init(version: request.version, status: status, headers: headers))), promise: nil)
        if request.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        let keep = request.isKeepAlive
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            if !keep { bound.value.close(promise: nil) }
        }
    }

    static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}
