import Crypto
import Foundation
import KnocknocHub
import KnocknocModel
import KnocknocProtocol
import Logging
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

/// An agent at the other end of a channel in memory, speaking frames.
final class FakeAgent: Sendable {
    static let id = AgentID(value: 7)
    let channel: NIOAsyncTestingChannel
    let served: Task<Void, Never>
    let key: Curve25519.Signing.PrivateKey

    init(
        _ hub: Hub, key: Curve25519.Signing.PrivateKey = .init(), host: String = "knocknoc.example",
        isRevoked: Bool = false, token: [UInt8]? = nil
    ) async throws {
        self.key = key
        let channel = NIOAsyncTestingChannel()
        self.channel = channel
        let wrapped = try await channel.testingEventLoop.executeInContext {
            try NIOAsyncChannel<WebSocketFrame, WebSocketFrame>(wrappingChannelSynchronously: channel)
        }
        served = Task { await hub.serve(wrapped, agent: Self.id, isRevoked: isRevoked, host: host, token: token) }
    }

    /// The next message of the server; control frames are passed over.
    func next() async throws -> ServerMessage {
        while true {
            let frame = try await channel.waitForOutboundWrite(as: WebSocketFrame.self)
            guard frame.opcode == .text else { continue }
            return try Codec.decodeServer(frame.data.readableBytesView)
        }
    }

    func say(_ message: AgentMessage) async throws {
        try await send(.text, fin: true, try Codec.encode(message))
    }

    func send(_ opcode: WebSocketOpcode, fin: Bool, _ bytes: [UInt8]) async throws {
        try await channel.writeInbound(WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(bytes: bytes)))
    }

    /// Reads the challenge and answers it.
    func greet(
        position: Position? = nil, removals: [Removal] = [], host: String = "knocknoc.example",
        stamp: Int64 = 5000, spoil: Bool = false
    ) async throws {
        guard case .challenge(let challenge) = try await next() else {
            Issue.record("the first message must be a challenge")
            return
        }
        var bytes = SignedHello.bytes(nonce: challenge.nonce, agent: challenge.agent, host: host)
        if spoil { bytes.append(0) }
        try await say(
            .hello(
                .init(
                    protocolMin: 1, protocolMax: 1, instance: "i", stamp: Self.stamp(stamp), position: position,
                    removals: removals, signingKey: key.publicKey.rawRepresentation.base64EncodedString(),
                    sealingKey: Data(repeating: 1, count: 32).base64EncodedString(),
                    signature: try key.signature(for: Data(bytes)).base64EncodedString(), version: "1", machine: "m",
                    system: "s", capabilities: [:])))
    }

    static func stamp(_ milliseconds: Int64) -> AgentStamp {
        AgentStamp(boot: "boot", time: BootTime(milliseconds: milliseconds))
    }

    func hangUp() async {
        try? await channel.close().get()
        await served.value
    }
}
