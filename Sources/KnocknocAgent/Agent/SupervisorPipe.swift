import Glibc
import NIOCore
import NIOPosix
public import ServiceLifecycle

/// Ends when standard input ends: a supervised agent does not outlive the process that started it.
public struct SupervisorPipe: Service {
    public init() {}

    public func run() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let (ends, continuation) = AsyncStream.makeStream(of: Void.self)
        let input = dup(STDIN_FILENO)
        guard input >= 0 else { return }
        let pipe = try await NIOPipeBootstrap(group: group)
            .takingOwnershipOfDescriptor(input: input) { channel in
                channel.closeFuture.whenComplete { _ in continuation.finish() }
                return channel.eventLoop.makeSucceededFuture(channel)
            }
        await cancelWhenGracefulShutdown { for await _ in ends {} }
        pipe.close(promise: nil)
    }
}
