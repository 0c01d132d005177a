public import KnocknocModel
public import KnocknocSystem
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Asks a server on this machine how it is.
public enum HealthCheck {
    private typealias Exchange = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    public struct Answer: Hashable, Sendable {
        public var status: UInt
        /// The JSON of `/health`.
        public var body: String

        public var isHealthy: Bool { status == 200 }
    }

    /// - Parameters:
    ///   - listen: as the server was told; a wildcard is asked over loopback.
    ///   - certificate: the PEM file whose first certificate it has to show; nil for plain HTTP.
    /// - Throws: ``SystemError`` `failed` where nothing answers there.
    public static func ask(_ listen: ListenAddress, certificate: String?) async throws(SystemError) -> Answer {
        do { return try await fetch(listen, certificate) } catch {
            var reason = "\(error)"
            if let error = error as? NIOConnectionError, let first = error.connectionErrors.first {
                reason = "\(first.error)"
            }
            throw SystemError(.failed, "nothing answers on \(listen): \(reason)")
        }
    }

    private static func fetch(_ listen: ListenAddress, _ certificate: String?) async throws -> Answer {
        let pinned = try certificate.map { try NIOSSLCertificate.fromPEMFile($0).first }
        let host = reachable(listen.host)
        let exchange = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.seconds(2))
            .connect(host: host, port: listen.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let pinned {
                        try channel.pipeline.syncOperations.addHandler(try encryption(showing: pinned))
                    }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try Exchange(wrappingChannelSynchronously: channel)
                }
            }
        let channel = exchange.channel
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(4)) { channel.close(promise: nil) }
        defer { deadline.cancel() }
        return try await exchange.executeThenClose { inbound, outbound in
            let headers: HTTPHeaders = ["Host": "localhost:\(listen.port)", "Connection": "close"]
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/health", headers: headers)
            try await outbound.write(contentsOf: [.head(head), .end(nil)])
            var answer = Answer(status: 0, body: "")
            for try await part in inbound {
                switch part {
                case .head(let head): answer.status = head.status.code
                case .body(let buffer): answer.body += String(decoding: buffer.readableBytesView, as: UTF8.self)
                case .end: return answer
                }
            }
            guard answer.status != 0 else { throw SystemError(.failed, "the connection ended without an answer") }
            return answer
        }
    }

    private static func encryption(showing pinned: NIOSSLCertificate?) throws -> NIOSSLClientHandler {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .noHostnameVerification
        return try NIOSSLClientHandler(
            context: NIOSSLContext(configuration: configuration), serverHostname: nil,
            customVerificationCallback: { certificates, promise in
                promise.succeed(certificates.first == pinned ? .certificateVerified : .failed)
            })
    }

    private static func reachable(_ host: String) -> String {
        guard let address = IPAddress(host), address.isUnspecified else { return host }
        return address.family == .v4 ? "127.0.0.1" : "::1"
    }
}
