import NIOCore
import NIOEmbedded
import Testing

@testable import KnocknocServer

@Suite("A connection when the server stops")
struct PartingTests {
    private func channel(patience: TimeAmount) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers([
            PartingHandler(patience: patience), FirstRequestHandler(timeout: .seconds(30)),
        ])
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 443)).wait()
        return channel
    }

    @Test("waits for a request that may be on its way, and then goes")
    func waiting() throws {
        let channel = try channel(patience: .seconds(1))
        for _ in 1...2 {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(499))
            #expect(channel.isActive)
        }
        channel.embeddedEventLoop.advanceTime(by: .milliseconds(2))
        #expect(!channel.isActive)
    }

    @Test("stays for the request that came meanwhile")
    func answering() throws {
        let channel = try channel(patience: .seconds(1))
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        let first = try channel.pipeline.syncOperations.handler(type: FirstRequestHandler.self)
        try channel.pipeline.syncOperations.removeHandler(first).wait()
        channel.embeddedEventLoop.advanceTime(by: .seconds(40))
        #expect(channel.isActive)
        _ = try channel.finish()
    }

    @Test("goes at once where no load balancer was told")
    func leaving() throws {
        let direct = try channel(patience: .zero)
        direct.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(!direct.isActive)
    }
}
