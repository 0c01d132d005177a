import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocModel
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOSSL
import NIOWebSocket
import Synchronization

typealias LinkSocket = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

/// What happens to a WebSocket at the agents' path.
struct LinkEndpoint: Sendable {
    static let path = "/agent/v1/link"
    /// Bytes of one frame.
    static let maxFrame = 1 << 20

    /// The agent that a token belongs to; nil refuses the upgrade.
    var authenticate: @Sendable (String) async -> AgentID?
    /// Serves the link until it is closed.
    var serve: @Sendable (LinkSocket, AgentID, String) async -> Void
}

/// One accepted connection: TLS where we have it, then HTTP/1.1, or a WebSocket at the agents' path.
struct WebChannel: HTTPChannelHandler {
    struct Connection: ServerChildChannelValue {
        let channel: any Channel
        let negotiated: EventLoopFuture<Negotiated>
    }

    enum Negotiated: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        case link(LinkSocket, AgentID, host: String)
    }

    let responder: HTTPChannelHandler.Responder
    let tls: TLSContexts?
    let links: LinkEndpoint

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Connection> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            if let tls {
                try pipeline.addHandler(NIOSSLServerHandler(context: tls.current))
            }
            let first = FirstRequestHandler(timeout: .seconds(30))
            try pipeline.addHandler(first)
            let upgrader = upgrader()
            let configuration = NIOTypedHTTPServerUpgradeConfiguration<Negotiated>(
                upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture { try Self.http(channel, logger) }
                })
            var pipelineConfiguration = NIOUpgradableHTTPServerPipelineConfiguration(
                upgradeConfiguration: configuration)
            // NIOAsyncChannel reads one request at a time, and HTTPTypes has checked what we answer.
            pipelineConfiguration.enablePipelining = false
            pipelineConfiguration.enableResponseHeaderValidation = false
            let negotiated = try pipeline.configureUpgradableHTTPServerPipeline(configuration: pipelineConfiguration)
            return Connection(channel: channel, negotiated: negotiated)
        }
    }

    func handle(value: Connection, logger: Logger) async {
        guard let negotiated = try? await value.negotiated.get() else {
            value.channel.close(promise: nil)
            return
        }
        await withTaskExecutorPreference(EventLoopExecutor(value.channel.eventLoop)) {
            switch negotiated {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .link(let channel, let agent, let host): await links.serve(channel, agent, host)
            }
        }
    }

    private static func http(_ channel: any Channel, _ logger: Logger) throws -> Negotiated {
        let pipeline = channel.pipeline.syncOperations
        if let first = try? pipeline.handler(type: FirstRequestHandler.self) {
            pipeline.removeHandler(first, promise: nil)
        }
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try pipeline.addHandler(HTTPConnectionStateHandler(idleTimeout: .seconds(75), logger: logger))
        return .http(
            try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true)))
    }

    private func upgrader() -> NIOTypedWebSocketServerUpgrader<Negotiated> {
        let links = links
        let slot = AgentSlot()
        return NIOTypedWebSocketServerUpgrader<Negotiated>(
            maxFrameSize: LinkEndpoint.maxFrame,
            shouldUpgrade: { channel, head in
                guard head.uri == LinkEndpoint.path, let token = Self.bearer(head.headers) else {
                    return channel.eventLoop.makeSucceededFuture(nil)
                }
                return channel.eventLoop.makeFutureWithTask {
                    guard let found = await links.authenticate(token) else { return nil }
                    slot.set(found)
                    return HTTPHeaders()
                }
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let first = try? pipeline.handler(type: FirstRequestHandler.self) {
                        pipeline.removeHandler(first, promise: nil)
                    }
                    guard let agent = slot.value else { throw ChannelError.inappropriateOperationForState }
                    let socket = try LinkSocket(wrappingChannelSynchronously: channel)
                    return .link(socket, agent, host: head.headers.first(name: "host") ?? "")
                }
            })
    }

    private static func bearer(_ headers: HTTPHeaders) -> String? {
        guard let header = headers.first(name: "authorization") else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        return parts.count == 2 && parts[0].lowercased() == "bearer" ? String(parts[1]) : nil
    }
}

/// The agent that one connection's upgrade was granted to.
private final class AgentSlot: Sendable {
    private let agent = Mutex<AgentID?>(nil)

    var value: AgentID? { agent.withLock { $0 } }

    func set(_ value: AgentID) { agent.withLock { $0 = value } }
}
