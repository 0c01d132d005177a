import KnocknocSystem
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// One look at a web node before HAProxy is sent there.
struct NodeProbe: Sendable {
    /// What a node shows.
    struct Answer: Sendable {
        /// The certificate's DER; nil where the node speaks plain HTTP.
        var certificate: [UInt8]?
        /// Whether an authority that this machine trusts vouches for it under the node's name.
        var isVouchedFor: Bool
    }

    let node: NamedEndpoint
    /// How long each connection may take in all.
    var limit = TimeAmount.seconds(5)

    /// - Throws: ``SystemError`` `failed` where nobody answers, or somebody who is no Knocknoc.
    func look() async throws -> Answer {
        if node.endpoint.address == nil, let vouched = try? await talk(tls: .verified) {
            try recognise(vouched.text)
            return Answer(certificate: vouched.certificate, isVouchedFor: true)
        }
        var reason = ""
        do {
            let shown = try await talk(tls: .any)
            try recognise(shown.text)
            return Answer(certificate: shown.certificate, isVouchedFor: false)
        } catch let error as SystemError { throw error } catch { reason = Self.words(error) }
        guard let plain = try? await talk(tls: .none), !plain.text.isEmpty else {
            throw SystemError(
                .failed,
                "\(node.name): nobody answers at \(node.endpoint): \(reason). Start the node first, and let this machine "
                    + "reach it")
        }
        try recognise(plain.text)
        return Answer(certificate: nil, isVouchedFor: false)
    }

    private func recognise(_ answer: String) throws(SystemError) {
        guard answer.hasPrefix("HTTP/1.1 200"), answer.contains("\"status\":\"ok\"") else {
            let said = answer.split(whereSeparator: \.isNewline).first.map { ": \"\($0)\"" } ?? ""
            throw SystemError(
                .failed, "\(node.name): what answers at \(node.endpoint) is no Knocknoc web node\(said)")
        }
    }

    private enum TLS { case none, any, verified }

    /// Asks for `/livez`, which every node answers whatever state it is in.
    private func talk(tls: TLS) async throws -> (text: String, certificate: [UInt8]?) {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let certificate = loop.makePromise(of: [UInt8]?.self)
        let answer = loop.makePromise(of: String.self)
        let name = node.endpoint.address == nil ? node.endpoint.host : nil
        let context = try Self.context(verifying: tls == .verified)
        let bootstrap = ClientBootstrap(group: loop).connectTimeout(.seconds(3)).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                switch tls {
                case .none: certificate.succeed(nil)
                case .verified:
                    certificate.succeed(nil)
                    try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
                case .any:
                    try pipeline.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: name) { shown, promise in
                            certificate.succeed(shown.first.flatMap { try? $0.toDERBytes() })
                            promise.succeed(.certificateVerified)
                        })
                }
                try pipeline.addHandler(OneQuestion(answer: answer, waitsForTLS: tls != .none))
            }
        }
        do {
            let channel = try await bootstrap.connect(host: node.endpoint.host, port: node.endpoint.port).get()
            let timer = loop.scheduleTask(in: limit) { channel.close(promise: nil) }
            defer { timer.cancel() }
            let text = try await answer.futureResult.get()
            return (text, try await certificate.futureResult.get())
        } catch {
            // Promises that nobody keeps would be reported as leaks.
            answer.fail(error)
            certificate.fail(error)
            throw error
        }
    }

    private static func context(verifying: Bool) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if !verifying { configuration.certificateVerification = .noHostnameVerification }
        return try NIOSSLContext(configuration: configuration)
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            return error.connectionErrors.first.map { words($0.error) }
                ?? (error.dnsAError ?? error.dnsAAAAError).map { _ in "the name \(error.host) is not known" }
                ?? "\(error)"
        case let error as IOError: return error.description
        case ChannelError.connectTimeout: return "no answer within three seconds"
        default: return "\(error)"
        }
    }
}

/// Sends one request and hands over what comes until the other side ends it.
private final class OneQuestion: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: EventLoopPromise<String>
    private let waitsForTLS: Bool
    private var text = ""

    init(answer: EventLoopPromise<String>, waitsForTLS: Bool) {
        self.answer = answer
        self.waitsForTLS = waitsForTLS
    }

    func channelActive(context: ChannelHandlerContext) {
        if !waitsForTLS { ask(context) }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent { ask(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        text += String(buffer: unwrapInboundIn(data))
        if text.utf8.count > 65536 { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Not every server ends TLS in the proper way; what it has said counts.
        if text.isEmpty { answer.fail(error) }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if text.isEmpty { answer.fail(ChannelError.eof) } else { answer.succeed(text) }
        context.fireChannelInactive()
    }

    private func ask(_ context: ChannelHandlerContext) {
        let request = "GET /livez HTTP/1.1\r\nHost: knocknoc\r\nConnection: close\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }
}
