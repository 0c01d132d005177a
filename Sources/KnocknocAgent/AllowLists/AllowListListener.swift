import KnocknocEnforcement
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// Serves `GET /edl/<uuid>` at `AllowListListen`. Where it cannot listen the lists fail with the reason, everything
/// else goes on, and it is tried again.
struct AllowListListener: Sendable {
    /// Connections at once.
    static let connections = 256

    let listen: AgentConfiguration.Listen
    let board: AllowListBoard
    let desk: AllowListDesk
    let group: any EventLoopGroup
    let clocks: any Clocks
    let logger: Logger

    /// - Returns: nil where nothing can listen there now; the board has the reason.
    func open() async -> (any Channel)? {
        let count = ConnectionCount(most: Self.connections)
        do {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 128)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { [desk] channel in
                    guard count.enter() else { return channel.close() }
                    channel.closeFuture.whenComplete { _ in count.leave() }
                    return channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        let patience = RequestPatience()
                        try pipeline.addHandler(patience)
                        try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                        try pipeline.addHandler(AllowListHandler(desk: desk, patience: patience))
                    }
                }
                .bind(host: listen.host, port: listen.port).get()
            board.listens(failure: nil)
            logger.info("lists are served", metadata: ["listen": "\(listen.host):\(listen.port)"])
            return channel
        } catch {
            let reason = "AllowListListen: \(listen.refusal(error))"
            logger.error("\(reason); it is tried again")
            board.listens(failure: reason)
            return nil
        }
    }

    /// Keeps listening until the task is cancelled.
    ///
    /// - Parameter first: what ``open()`` gave.
    func run(_ first: (any Channel)?) async {
        var channel = first
        while !Task.isCancelled {
            if let open = channel {
                await withTaskCancellationHandler {
                    try? await open.closeFuture.get()
                } onCancel: {
                    open.close(promise: nil)
                }
                if Task.isCancelled { return }
                board.listens(failure: "AllowListListen: nothing listens there any more")
            } else {
                await clocks.sleep(until: clocks.monotonic() + 10_000)
                if Task.isCancelled { return }
            }
            channel = await self.open()
        }
    }
}
