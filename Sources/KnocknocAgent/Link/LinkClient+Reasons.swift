import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

extension LinkClient {
    /// What an HTTP answer other than 101 means to the operator.
    static func refusal(
        _ answer: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>, _ server: ServerURL
    ) async throws -> AgentError {
        try await answer.executeThenClose { inbound, _ in
            for try await part in inbound {
                guard case .head(let head) = part else { continue }
                return AgentError(.refused, "\(server): \(meaning(head))")
            }
            return AgentError(.link, "\(server): closed without an answer")
        }
    }

    private static func meaning(_ head: HTTPResponseHead) -> String {
        let status = "\(head.status.code) \(head.status.reasonPhrase)"
        return switch head.status.code {
        case 401, 403: "the server does not accept the token (\(status)); make a new one under Admin, Agents"
        case 404: "no agent link is served there (\(status)); is ServerURL a Knocknoc server?"
        case 301, 302, 307, 308:
            "the server redirects (\(status)) to \(head.headers.first(name: "location") ?? "nowhere"); "
                + "set ServerURL to the final address"
        case 429: "the server asks for patience (\(status))"
        case 503: "the server is not ready (\(status))"
        default: "the server answered \(status); expected 101"
        }
    }

    /// A sentence for an error of the network.
    ///
    /// - Parameter trust: nil where no TLS is spoken.
    static func explain(_ error: any Error, trust: TLSTrust?) -> String {
        if let sentence = trust?.explain(error) { return sentence }
        switch error {
        case let error as AgentError: return error.message
        case let error as NIOConnectionError:
            if error.connectionErrors.isEmpty {
                let reason = (error.dnsAError ?? error.dnsAAAAError).map { " (\($0))" } ?? ""
                return "the name \(error.host) cannot be resolved\(reason)"
            }
            return error.connectionErrors.map { failure in
                let address = failure.target.ipAddress ?? "\(failure.target)"
                return "\(address): \(explain(failure.error, trust: trust))"
            }.joined(separator: "; ")
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: return "no connection within 2 s"
        case ChannelError.inputClosed, ChannelError.eof, ChannelError.ioOnClosedChannel:
            return "the connection was closed"
        case is NIOWebSocketFrameAggregator.Error, is NIOWebSocketError:
            return "the server broke the WebSocket rules (\(error)); a message is at most 1 MiB"
        case is CancellationError: return "stopped"
        default: return "\(error)"
        }
    }
}
