import Crypto
import Foundation
import KnocknocModel
import KnocknocProtocol
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Synchronization
import Testing

@testable import KnocknocHub

@Suite("An agent's hello", .timeLimit(.minutes(1)))
struct HelloTests {
    private func hub(_ attach: AttachResult = .accepted(linkEpoch: 1)) -> (Hub, FakeDirectory) {
        let directory = FakeDirectory(answer: .snapshot(StreamRows(position: HubTests.start), diverged: false))
        directory.state.withLock { $0.attach = attach }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return (Hub(directory: directory, node: "web-1", logger: logger), directory)
    }

    @Test("a signature over anything else is refused")
    func signature() async throws {
        let (hub, _) = hub()
        let agent = try await FakeAgent(hub)
        try await agent.greet(spoil: true)
        #expect(try await agent.byeCode() == .protocolError)
        await agent.hangUp()
    }

    @Test("a signature for another host is refused")
    func host() async throws {
        let (hub, _) = hub()
        let agent = try await FakeAgent(hub)
        try await agent.greet(host: "elsewhere.example")
        #expect(try await agent.byeCode() == .protocolError)
        await agent.hangUp()
    }

    @Test("another key than the pinned one is refused, and the fingerprint named")
    func keyChanged() async throws {
        let (hub, _) = hub(.keyChanged(fingerprint: "SHA256:abc"))
        let agent = try await FakeAgent(hub)
        try await agent.greet()
        guard case .bye(let bye) = try await agent.next() else { throw Unexpected() }
        #expect(bye.code == .keyChanged)
        #expect(bye.text.contains("SHA256:abc"))
        await agent.hangUp()
    }

    @Test("a deleted agent is told so")
    func revoked() async throws {
        let (hub, _) = hub(.revoked)
        let agent = try await FakeAgent(hub)
        try await agent.greet()
        #expect(try await agent.byeCode() == .revoked)
        await agent.hangUp()
    }

    @Test("one that is turned away at once has the time to read why: the link lives until it closes it")
    func turnedAway() async throws {
        for isRevoked in [true, false] {
            let (hub, _) = hub()
            if !isRevoked { hub.drain() }
            let agent = try await FakeAgent(hub, isRevoked: isRevoked)
            #expect(try await agent.byeCode() == (isRevoked ? .revoked : .draining))
            let closed = NIOLockedValueBox(false)
            agent.channel.closeFuture.whenComplete { _ in closed.withLockedValue { $0 = true } }
            for _ in 0..<100 {
                await Task.yield()
                await agent.channel.testingEventLoop.run()
            }
            #expect(!closed.withLockedValue { $0 })
            await agent.hangUp()
        }
    }

    @Test("anything before the hello ends the link")
    func order() async throws {
        let (hub, _) = hub()
        let agent = try await FakeAgent(hub)
        _ = try await agent.next()
        try await agent.say(.heartbeat(FakeAgent.stamp(1)))
        #expect(try await agent.byeCode() == .protocolError)
        await agent.hangUp()
    }

    @Test("removals are replayed before anything is sent to an agent whose history is another")
    func replay() async throws {
        let (hub, directory) = hub()
        directory.state.withLock {
            $0.answer = .snapshot(StreamRows(position: HubTests.start), diverged: true)
        }
        let removal = Removal(
            entry: EntryID(value: 9), target: TargetID(value: 1), address: .v4(1), revision: 4, epoch: "site")
        let agent = try await FakeAgent(hub)
        try await agent.greet(position: HubTests.later, removals: [removal])
        _ = try await agent.next()
        #expect(try await agent.next() == .snapshotBegin(.init(position: HubTests.start, diverged: true)))
        #expect(directory.state.withLock { $0.replayed } == [removal])
        #expect(directory.state.withLock { $0.asked } == [HubTests.later, nil])
        await agent.hangUp()
    }

    @Test("a message may come in fragments, with a ping between them")
    func fragments() async throws {
        let (hub, _) = hub()
        let agent = try await FakeAgent(hub)
        try await agent.greet()
        for _ in 0..<3 { _ = try await agent.next() }
        let bytes = try Codec.encode(.heartbeat(FakeAgent.stamp(6000)))
        try await agent.send(.text, fin: false, Array(bytes[..<5]))
        try await agent.send(.ping, fin: true, [1])
        try await agent.send(.continuation, fin: true, Array(bytes[5...]))
        guard case .heartbeat(let reply) = try await agent.next() else { throw Unexpected() }
        #expect(reply.stamp == FakeAgent.stamp(6000))
        await agent.hangUp()
    }

    @Test("a message of more than 1 MiB ends the link with the code for it")
    func tooLarge() {
        var assembler = MessageAssembler()
        let half = ByteBuffer(repeating: 32, count: 600_000)
        #expect(assembler.take(WebSocketFrame(fin: false, opcode: .text, data: half)) == nil)
        let second = assembler.take(WebSocketFrame(fin: true, opcode: .continuation, data: half))
        guard case .violation(.messageTooLarge, _) = second else {
            Issue.record("got \(String(describing: second))")
            return
        }
    }
}
