import NIOConcurrencyHelpers
import NIOCore

/// Remembers what went wrong first on a connection: later errors only follow from it.
final class FirstError: Sendable {
    private enum Trouble {
        case error(any Error)
        case text(String)
    }

    private let trouble = NIOLockedValueBox<Trouble?>(nil)

    func note(_ error: any Error) { trouble.withLockedValue { $0 = $0 ?? .error(error) } }

    func note(_ text: String) { trouble.withLockedValue { $0 = $0 ?? .text(text) } }

    func sentence(trust: TLSTrust) -> String? {
        switch trouble.withLockedValue({ $0 }) {
        case nil: nil
        case .text(let text): text
        case .error(let error): LinkClient.explain(error, trust: trust)
        }
    }
}

/// Notes errors on their way through the pipeline.
final class ErrorNote: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private let trouble: FirstError

    init(_ trouble: FirstError) { self.trouble = trouble }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        trouble.note(error)
        context.fireErrorCaught(error)
    }
}
