import KnocknocModel
import NIOCore
import NIOHTTP1

/// One connection of a device that fetches lists.
final class AllowListHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let desk: AllowListDesk
    private let patience: RequestPatience
    private var request: HTTPRequestHead?
    /// The last answer is on its way; whatever else has come is not looked at.
    private var isEnding = false

    init(desk: AllowListDesk, patience: RequestPatience) {
        self.desk = desk
        self.patience = patience
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isEnding else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): request = head
        case .body: break
        case .end:
            guard let request else { return }
            self.request = nil
            patience.restart(context.channel)
            send(answer(request, context), to: request, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private struct Answer {
        var status: HTTPResponseStatus
        var headers: HTTPHeaders = [:]
        var body = ByteBuffer()

        init(_ status: HTTPResponseStatus, _ text: String) {
            self.status = status
            headers = ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"]
            body = ByteBuffer(string: text + "\n")
        }

        init(_ status: HTTPResponseStatus, headers: HTTPHeaders, body: ByteBuffer = ByteBuffer()) {
            self.status = status
            self.headers = headers
            self.body = body
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) -> Answer {
        let path = head.uri.prefix { $0 != "?" }
        guard path.hasPrefix(AllowListRequest.folder),
            let request = AllowListRequest(
                name: path.dropFirst(AllowListRequest.folder.count), accept: head.headers.first(name: "accept"))
        else { return Answer(.notFound, "There is nothing here; lists are at \(AllowListRequest.folder)<uuid>.") }
        guard head.method == .GET || head.method == .HEAD else {
            var answer = Answer(.methodNotAllowed, "Lists take GET and HEAD.")
            answer.headers.add(name: "Allow", value: "GET, HEAD")
            return answer
        }
        let secret = APIKeyCredential.secret(inHeader: head.headers.first(name: "authorization"))
        switch desk.answer(request, secret: secret, from: context.channel.remoteAddress.flatMap(Self.address)) {
        case .list(let body, let tag):
            var headers: HTTPHeaders = [
                "ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization",
                "X-Content-Type-Options": "nosniff",
            ]
            if EntityTag.matches(head.headers["if-none-match"].joined(separator: ","), tag) {
                return Answer(.notModified, headers: headers)
            }
            headers.add(name: "Content-Type", value: request.format.contentType)
            return Answer(.ok, headers: headers, body: body)
        case .notYet:
            var answer = Answer(.serviceUnavailable, "This agent has just started; try again in a moment.")
            answer.headers.add(name: "Retry-After", value: "2")
            return answer
        case .unknownKey:
            var answer = Answer(.unauthorized, "Send the secret of an API key as the password, with any user name.")
            answer.headers.add(name: "WWW-Authenticate", value: AllowListRequest.challenge)
            return answer
        case .elsewhere: return Answer(.forbidden, "This key is not for the address that you come from.")
        case .noList: return Answer(.notFound, "There is no such list here.")
        }
    }

    private func send(_ answer: Answer, to request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var headers = answer.headers
        if answer.status != .notModified {
            headers.add(name: "Content-Length", value: String(answer.body.readableBytes))
        }
        // Connections are few: only whoever gets a list may keep one.
        let keep = request.isKeepAlive && (answer.status == .ok || answer.status == .notModified)
        isEnding = !keep
        if !keep { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: request.version, status: answer.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD, answer.body.readableBytes > 0 {
            context.write(wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
        }
        let bound = NIOLoopBound((context, patience), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            let (context, patience) = bound.value
            if keep { patience.restart(context.channel) } else { context.close(promise: nil) }
        }
    }

    private static func address(_ address: SocketAddress) -> IPAddress? {
        address.ipAddress.flatMap { IPAddress($0) }
    }
}
