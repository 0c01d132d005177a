import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocModel
import Logging
import NIOCore

typealias KnocknocRouter = Router<KnocknocRequestContext>

extension Router where Context == KnocknocRequestContext {
    /// Adds a route; the handler's type is plain, so its body needs no help in type inference.
    func answer(
        _ method: HTTPRequest.Method, _ path: RouterPath,
        _ handler: @escaping @Sendable (Request, KnocknocRequestContext) async throws -> Response
    ) {
        on(path, method: method, use: handler)
    }
}

/// What is known about a request before its handler runs.
struct KnocknocRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The other end of the connection.
    let peer: IPAddress?
    /// Our end of the connection.
    let local: IPAddress?
    let requestID: String
    /// Where the request came from by the forwarder rules; set by ``EdgeMiddleware``.
    var client = ClientAddressRule.Decision.refused(nil, reason: "your address is not known yet", remedy: nil)
    /// Where the request came from; nil where a proxy may hide it. Rules that let in by networks go by this.
    var knownAddress: IPAddress?
    /// Whether the browser's own connection is https, ours or a trusted forwarder's.
    var https = false
    /// Whether the browser runs on this machine and says so in `Host`: its password meets no network. A proxy on this
    /// machine that serves others names the site's own host.
    var onThisMachine = false
    var userAgent: String?

    init(source: ApplicationRequestContextSource) {
        requestID = RequestIdentifier.next()
        var logger = source.logger
        logger[metadataKey: "hb.request.id"] = nil
        logger[metadataKey: "request"] = .string(requestID)
        coreContext = .init(source: Source(channel: source.channel, logger: logger))
        peer = IPAddress(source.channel.remoteAddress)
        local = IPAddress(source.channel.localAddress)
    }

    /// The client's address whether or not anything may be granted to it.
    var clientAddress: IPAddress? {
        switch client {
        case .address(let address): address
        case .refused(let address, _, _): address
        }
    }
}

extension IPAddress {
    /// From the bytes: this runs for every request, and text would be written and parsed again.
    init?(_ address: SocketAddress?) {
        // ip(7), ipv6(7): the address comes after the port, and in IPv6 after the flow label.
        let found = address.flatMap { address in
            address.withSockAddr { start, _ -> IPAddress? in
                let bytes = UnsafeRawPointer(start)
                switch address {
                case .v4: return .v4(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
                case .v6:
                    return IPAddress(v6: UInt128(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt128.self)))
                case .unixDomainSocket: return nil
                }
            }
        }
        guard let found else { return nil }
        self = found
    }
}
