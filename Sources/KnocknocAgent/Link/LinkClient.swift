import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket

/// Dials web nodes: TCP, TLS, then the upgrade to a WebSocket with the token in a header.
struct LinkClient: Sendable {
    enum Upgrade: Sendable {
        case link
        case refused(NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>)
    }

    static let frameLimit = 1 << 20
    static let connectTimeout = TimeAmount.seconds(2)
    static let upgradeTimeout = TimeAmount.seconds(5)

    let group: any EventLoopGroup
    let token: Token
    let trust: TLSTrust
    let userAgent: String
    /// What the agent's own configuration says it is; the token decides, unless it is one that the server lists.
    var identity: [(name: String, value: String)] = []

    /// Dials once.
    ///
    /// - Parameter receive: called on the event loop with each text frame, in order.
    /// - Throws: ``AgentError`` with the URL that was tried and the reason, never the token.
    func connect(
        to server: ServerURL, receive: @escaping @Sendable (ByteBuffer) -> Void
    ) async throws(AgentError) -> Link {
        let trouble = FirstError()
        let dialed = NIOLockedValueBox<(any Channel)?>(nil)
        do {
            return try await withTaskCancellationHandler {
                try await dial(server, trouble, dialed, receive)
            } onCancel: {
                dialed.withLockedValue { $0 }?.close(promise: nil)
            }
        } catch {
            dialed.withLockedValue { $0 }?.close(promise: nil)
            if let refusal = error as? AgentError { throw refusal }
            let reason = trouble.sentence(trust: trust) ?? Self.explain(error, trust: trust)
            throw AgentError(.link, "\(server): \(reason)")
        }
    }

    private func dial(
        _ server: ServerURL, _ trouble: FirstError, _ dialed: NIOLockedValueBox<(any Channel)?>,
        _ receive: @escaping @Sendable (ByteBuffer) -> Void
    ) async throws -> Link {
        let upgraded = try await bootstrap.connect(host: server.host, port: server.port) { channel in
            dialed.withLockedValue { $0 = channel }
            return channel.eventLoop.makeCompletedFuture {
                if server.secure { try channel.pipeline.syncOperations.addHandler(trust.handler(host: server.host)) }
                try channel.pipeline.syncOperations.addHandler(ErrorNote(trouble))
                return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                    configuration: configuration(server, trouble, receive))
            }
        }
        guard let channel = dialed.withLockedValue({ $0 }) else { throw ChannelError.connectPending }
        let deadline = channel.eventLoop.scheduleTask(in: Self.upgradeTimeout) {
            trouble.note("no answer to the upgrade within 5 s")
            channel.close(promise: nil)
        }
        defer { deadline.cancel() }
        switch try await upgraded.get() {
        case .link: return Link(server: server, channel: channel, trouble: trouble, trust: trust)
        case .refused(let answer): throw try await Self.refusal(answer, server)
        }
    }

    private var bootstrap: ClientBootstrap {
        ClientBootstrap(group: group)
            .connectTimeout(Self.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 1 << 16, high: Link.writeBufferLimit))
    }

    private func configuration(
        _ server: ServerURL, _ trouble: FirstError, _ receive: @escaping @Sendable (ByteBuffer) -> Void
    ) -> NIOUpgradableHTTPClientPipelineConfiguration<Upgrade> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Upgrade>(maxFrameSize: Self.frameLimit) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                let aggregator = NIOWebSocketFrameAggregator(
                    minNonFinalFragmentSize: 1, maxAccumulatedFrameCount: 1024,
                    maxAccumulatedFrameSize: Self.frameLimit)
                try channel.pipeline.syncOperations.addHandlers([
                    aggregator, LinkHandler(trouble: trouble, receive: receive),
                ])
                return .link
            }
        }
        var head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: server.path,
            headers: [
                "Host": server.authority, "Authorization": "Bearer \(token.secret)", "User-Agent": userAgent,
            ])
        head.headers.add(contentsOf: identity)
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                upgradeRequestHead: head, upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeCompletedFuture {
                        .refused(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
                    }
                }))
        // The server's first frame may come in the same segment as its answer to the upgrade.
        configuration.leftOverBytesStrategy = .forwardBytes
        return configuration
    }
}
