import HTTPTypes
import NIOCore
import NIOHTTP1

/// The answer to a WebSocket that is not to be. NIO hands such a request on without its end, so that nothing behind the
/// upgrade would ever answer it; here it is told, and the connection ends.
enum UpgradeRefusal {
    case unauthorized, notFound, noAgents, unavailable

    private var problem: Problem {
        switch self {
        case .unauthorized:
            Problem(.unauthorized, "unauthorized", "Not authorized", "No agent has this token; make a new one.")
        case .notFound:
            Problem(.notFound, "not-found", "Not found", "There is no WebSocket here; agents use \(LinkEndpoint.path).")
        case .noAgents:
            Problem(.notFound, "not-found", "Not found", "This node lets no agents in; use another.")
        case .unavailable:
            Problem(.serviceUnavailable, "unavailable", "Not available", "The database does not answer; try again.")
        }
    }

    /// Answers, closes, and says that there is no upgrade.
    func send(on channel: any Channel) -> EventLoopFuture<HTTPHeaders?> {
        let body = problem.text
        var headers = HTTPHeaders([
            ("Content-Type", "application/problem+json"), ("Content-Length", "\(body.utf8.count)"),
            ("Cache-Control", "no-store"), ("Connection", "close"),
        ])
        if self == .unauthorized { headers.add(name: "WWW-Authenticate", value: "Bearer") }
        let status = HTTPResponseStatus(statusCode: problem.status.code)
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
        return channel.writeAndFlush(HTTPServerResponsePart.end(nil)).flatMap { channel.close() }
            .flatMapError { _ in channel.eventLoop.makeSucceededVoidFuture() }
            .map { nil }
    }
}
