import NIOConcurrencyHelpers
import NIOCore
import NIOWebSocket

/// One link to one server, from its upgrade to its end.
final class Link: Sendable {
    /// A server that takes nothing for so long that this much waits is as good as gone.
    static let writeBufferLimit = 1 << 20

    let server: ServerURL
    private let channel: any Channel
    private let trouble: FirstError
    private let trust: TLSTrust
    /// Milliseconds to wait before dialing again, where the server said so.
    private let pause = NIOLockedValueBox<Int64?>(nil)
    private let synced = NIOLockedValueBox(false)

    init(server: ServerURL, channel: any Channel, trouble: FirstError, trust: TLSTrust) {
        self.server = server
        self.channel = channel
        self.trouble = trouble
        self.trust = trust
    }

    func send(_ text: [UInt8]) {
        guard channel.isWritable else { return close("the server takes no more data") }
        let frame = WebSocketFrame(
            fin: true, opcode: .text, maskKey: .random(), data: channel.allocator.buffer(bytes: text))
        channel.writeAndFlush(frame, promise: nil)
    }

    /// Ends the link for a reason of ours.
    ///
    /// - Parameter pause: milliseconds before the next attempt; nil leaves it to the backoff.
    func close(_ reason: String, pause: Int64? = nil) {
        trouble.note(reason)
        if let pause { self.pause.withLockedValue { $0 = max($0 ?? 0, pause) } }
        channel.close(promise: nil)
    }

    /// Whether the copy was brought in line over this link, which is what makes it a success.
    var wasSynced: Bool { synced.withLockedValue { $0 } }

    func markSynced() { synced.withLockedValue { $0 = true } }

    /// Waits for the end.
    ///
    /// - Returns: why, in a sentence, and how long to wait where somebody said so.
    func ended() async -> (reason: String, pause: Int64?) {
        try? await channel.closeFuture.get()
        return (trouble.sentence(trust: trust) ?? "the connection was lost", pause.withLockedValue { $0 })
    }
}
