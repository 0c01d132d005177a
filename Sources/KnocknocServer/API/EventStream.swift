import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import NIOCore
import ServiceLifecycle

/// Server-sent events of one session: `event: knoc` with the item, `event: gone` with its id after the last one of a
/// Knoc that was taken away, a comment as heartbeat, the end with the session.
struct EventStream: Sendable {
    static let heartbeat = Duration.seconds(15)

    private enum Signal: Sendable {
        case item(KnocItem)
        case beat
    }

    let site: Site
    let session: Session

    func response(_ request: Request) -> Response {
        let body = ResponseBody { writer in
            var target = writer
            try await target.write(ByteBuffer(string: "retry: 1000\n\n"))
            do {
                // Reading on tells at once when the browser has gone.
                try await request.body.consumeWithCancellationOnInboundClose { _ in
                    for await signal in signals().cancelOnGracefulShutdown() {
                        try await target.write(ByteBuffer(string: Self.text(signal)))
                    }
                }
            } catch is CancellationError {
                return
            }
            try await target.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store", .connection: "close"], body: body)
    }

    private static func text(_ signal: Signal) -> String {
        switch signal {
        case .item(let item): text(item)
        case .beat: ": \n\n"
        }
    }

    static func text(_ item: KnocItem) -> String {
        let state = "event: knoc\ndata: \(item.json.description)\n\n"
        guard item.isGone else { return state }
        return state + "event: gone\ndata: \(JSON.object([("id", JSON(item.id))]).description)\n\n"
    }

    /// Items and heartbeats in one stream that ends with the session's own.
    private func signals() -> AsyncStream<Signal> {
        let (stream, continuation) = AsyncStream<Signal>.makeStream(bufferingPolicy: .bufferingOldest(1024))
        let updates = site.access.updates(for: session)
        let items = Task {
            for await item in updates {
                // An item that a slow reader would miss is not made up for later: the browser connects anew and sees all.
                if case .dropped = continuation.yield(.item(item)) { break }
            }
            continuation.finish()
        }
        let beats = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: Self.heartbeat)
                continuation.yield(.beat)
            }
        }
        continuation.onTermination = { _ in
            items.cancel()
            beats.cancel()
        }
        return stream
    }
}
