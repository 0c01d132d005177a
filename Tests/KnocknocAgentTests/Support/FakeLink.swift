import KnocknocModel
import KnocknocProtocol
import NIOConcurrencyHelpers
import NIOCore
import NIOWebSocket
import Testing

/// The server's end of one link, spoken by the test.
final class FakeLink: Sendable {
    let channel: any Channel
    let host: String
    private let messages = NIOLockedValueBox<[AgentMessage]>([])
    private let others = NIOLockedValueBox<[(WebSocketOpcode, [UInt8])]>([])
    let changes = Signal()

    init(channel: any Channel, host: String) {
        self.channel = channel
        self.host = host
    }

    var received: [AgentMessage] { messages.withLockedValue { $0 } }
    var hellos: [AgentMessage.Hello] { received.compactMap { if case .hello(let hello) = $0 { hello } else { nil } } }
    var applied: [AgentMessage.Applied] {
        received.compactMap { if case .applied(let applied) = $0 { applied } else { nil } }
    }
    var heartbeats: [AgentStamp] { received.compactMap { if case .heartbeat(let stamp) = $0 { stamp } else { nil } } }
    /// The newest stamp of the agent's clock that arrived.
    var stamp: AgentStamp? { heartbeats.last ?? hellos.last?.stamp }

    /// What came in a frame that is no message.
    func control(_ opcode: WebSocketOpcode) -> [UInt8]? { others.withLockedValue { $0.first { $0.0 == opcode }?.1 } }

    fileprivate func take(_ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        others.withLockedValue { $0.append((opcode, Array(data.readableBytesView))) }
        changes.notify()
    }

    fileprivate func take(_ message: AgentMessage) {
        messages.withLockedValue { $0.append(message) }
        changes.notify()
    }

    func send(_ message: ServerMessage) throws {
        let frame = WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(bytes: try Codec.encode(message)))
        channel.writeAndFlush(frame, promise: nil)
    }

    func send(raw text: String) { send(.text, Array(text.utf8)) }

    func send(_ opcode: WebSocketOpcode, _ data: [UInt8]) {
        channel.writeAndFlush(WebSocketFrame(fin: true, opcode: opcode, data: ByteBuffer(bytes: data)), promise: nil)
    }

    func close() { channel.close(promise: nil) }

    /// Challenge, hello, welcome.
    @discardableResult
    func greet(
        agent: AgentID = testAgent, heartbeat: Int64 = 5000, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> AgentMessage.Hello {
        try send(.challenge(.init(agent: agent, nonce: "bm9uY2U=", protocolMin: 1, protocolMax: 1)))
        await changes.wait("hello", sourceLocation: sourceLocation) { !self.hellos.isEmpty }
        let hello = try #require(hellos.last, sourceLocation: sourceLocation)
        try send(.welcome(.init(linkEpoch: 7, node: "web-1", heartbeat: heartbeat, version: "0.1.0")))
        return hello
    }

    /// A whole snapshot in one chunk.
    func snapshot(_ position: Position, targets: [TargetRow], entries: [EntryRow]) throws {
        try send(.snapshotBegin(.init(position: position)))
        try send(.snapshotChunk(.init(since: try #require(stamp), targets: targets, entries: entries)))
        try send(.snapshotEnd(.init(position: position)))
    }

    func changes(_ after: Position, _ position: Position, targets: [TargetRow] = [], entries: [EntryRow]) throws {
        let rows = ServerMessage.Rows(since: try #require(stamp), targets: targets, entries: entries)
        try send(.changes(.init(after: after, position: position, rows: rows)))
    }

    func waitClosed(sourceLocation: SourceLocation = #_sourceLocation) async {
        await changes.wait("the link's end", sourceLocation: sourceLocation) { !self.channel.isActive }
    }

    func waitApplied(_ revision: Int64, sourceLocation: SourceLocation = #_sourceLocation) async {
        await changes.wait("applied \(revision)", sourceLocation: sourceLocation) {
            self.applied.contains { $0.revision >= revision }
        }
    }
}

let testAgent = AgentID(value: 0x0190_0000_0000_7000_8000_0000_0000_00aa)

final class FakeLinkHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let link: FakeLink

    init(link: FakeLink) { self.link = link }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard frame.opcode == .text else { return link.take(frame.opcode, frame.unmaskedData) }
        do { link.take(try Codec.decodeAgent(frame.unmaskedData.readableBytesView)) } catch {
            Issue.record("the agent said what cannot be read: \(error)")
        }
    }
}
