import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
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

    enum Authentication: Sendable {
        case holder(TokenHolder)
        case unknown
        /// Nobody can say now: the database does not answer, or this node is not ready.
        case unavailable
    }

    /// Whether there is such a path here at all.
    var isOpen: Bool
    /// The client's address by the forwarder rules, from the peer and the lines of `X-Forwarded-For`.
    var client: @Sendable (IPAddress?, [String]) -> IPAddress?
    /// The agent that a token belongs to.
    var authenticate: @Sendable (String, LinkCaller) async -> Authentication
    /// Serves the link until it is closed.
    var serve: @Sendable (LinkSocket, TokenHolder, String, LinkCaller) async -> Void
}

/// One accepted connection: TLS where we have it, then HTTP/1.1, or a WebSocket at the agents' path.
struct WebChannel: HTTPChannelHandler {
    struct Connection: ServerChildChannelValue {
        let channel: any Channel
        let negotiated: EventLoopFuture<Negotiated>
    }

    enum Negotiated: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        case link(LinkSocket, TokenHolder, host: String, LinkCaller)
    }

    let responder: HTTPChannelHandler.Responder
    let tls: TLSContexts?
    let links: LinkEndpoint
    /// How long a connection outlives the listening socket; see ``PartingHandler``.
    let patience: TimeAmount

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Connection> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(PartingHandler(patience: patience))
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
            case .link(let channel, let holder, let host, let caller): await links.serve(channel, holder, host, caller)
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
        let slot = HolderSlot()
        return NIOTypedWebSocketServerUpgrader<Negotiated>(
            maxFrameSize: LinkEndpoint.maxFrame,
            shouldUpgrade: { channel, head in
                guard links.isOpen else { return UpgradeRefusal.noAgents.send(on: channel) }
                guard head.uri == LinkEndpoint.path else {
                    return UpgradeRefusal.notFound.send(on: channel)
                }
                guard let token = Self.bearer(head.headers) else {
                    return UpgradeRefusal.unauthorized.send(on: channel)
                }
                let caller = Self.caller(head.headers, channel, links)
                return channel.eventLoop.makeFutureWithTask { await links.authenticate(token, caller) }.flatMap {
                    answer in
                    switch answer {
                    case .holder(let holder):
                        slot.set(holder, caller)
                        return channel.eventLoop.makeSucceededFuture(HTTPHeaders())
                    case .unknown: return UpgradeRefusal.unauthorized.send(on: channel)
                    case .unavailable: return UpgradeRefusal.unavailable.send(on: channel)
                    }
                }
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let first = try? pipeline.handler(type: FirstRequestHandler.self) {
                        pipeline.removeHandler(first, promise: nil)
                    }
                    guard let (holder, caller) = slot.value else { throw ChannelError.inappropriateOperationForState }
                    let socket = try LinkSocket(wrappingChannelSynchronously: channel)
                    return .link(socket, holder, host: head.headers.first(name: "host") ?? "", caller)
                }
            })
    }

    private static func caller(_ headers: HTTPHeaders, _ channel: any Channel, _ links: LinkEndpoint) -> LinkCaller {
        LinkCaller(
            address: links.client(IPAddress(channel.remoteAddress), headers["x-forwarded-for"]),
            id: headers.first(name: "knocknoc-agent-id").flatMap { AgentID($0) },
            name: headers.first(name: "knocknoc-agent-name"))
    }

    private static func bearer(_ headers: HTTPHeaders) -> String? {
        guard let header = headers.first(name: "authorization") else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        return parts.count == 2 && parts[0].lowercased() == "bearer" ? String(parts[1]) : nil
    }
}

/// The agent that one connection's upgrade was granted to.
private final class HolderSlot: Sendable {
    private let holder = Mutex<(TokenHolder, LinkCaller)?>(nil)

    var value: (TokenHolder, LinkCaller)? { holder.withLock { $0 } }

    func set(_ value: TokenHolder, _ caller: LinkCaller) { holder.withLock { $0 = (value, caller) } }
}
