import FoundationEssentials
import KnocknocModel
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks a running agent on this machine how it is.
public enum HealthClient {
    private typealias Exchange = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// - Throws: ``AgentError`` where nothing answers there.
    public static func ask(_ listen: AgentConfiguration.Listen) async throws(AgentError) -> HealthReport {
        do {
            let (_, bytes) = try await fetch(listen)
            return try JSONText.decode(HealthReport.self, from: bytes, isSnakeCase: true)
        } catch {
            let place = listen.host.contains(":") ? "[\(listen.host)]:\(listen.port)" : "\(listen.host):\(listen.port)"
            throw AgentError(.health, "no agent answers on \(place): \(reason(error)); is it running?")
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { reason($0.error) } ?? "its name cannot be resolved"
        case is DecodingError: "what answers there is no Knocknoc agent"
        default: LinkClient.explain(error, trust: nil)
        }
    }

    /// The status code and the body of the answer.
    static func fetch(_ listen: AgentConfiguration.Listen) async throws -> (UInt, [UInt8]) {
        let exchange = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.seconds(2))
            .connect(host: listen.host, port: listen.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try Exchange(wrappingChannelSynchronously: channel)
                }
            }
        let channel = exchange.channel
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(3)) { channel.close(promise: nil) }
        defer { deadline.cancel() }
        return try await exchange.executeThenClose { inbound, outbound in
            let headers: HTTPHeaders = ["Host": "\(listen.host):\(listen.port)", "Connection": "close"]
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/health", headers: headers)
            // In one go: the head alone is a whole request, after whose answer the agent closes.
            try await outbound.write(contentsOf: [.head(head), .end(nil)])
            var status: UInt = 0
            var bytes: [UInt8] = []
            for try await part in inbound {
                switch part {
                case .head(let head): status = head.status.code
                case .body(let buffer): bytes += Array(buffer.readableBytesView)
                case .end: return (status, bytes)
                }
                if bytes.count > 65_536 { break }
            }
            return (status, bytes)
        }
    }
}
