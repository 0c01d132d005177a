import NIOCore
import NIOPosix

extension TestSite {
    /// Reads a stream of events while it is open.
    ///
    /// - Parameter heard: called with all that has come so far, the head included, whenever more has come.
    /// - Returns: all of it, once the server has ended it.
    func events(bearer: [String: String], _ heard: (String) async throws -> Void) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let fields = bearer.map { "\($0.key): \($0.value)\r\n" }.joined()
            let head = "GET /api/v1/me/events HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\(fields)\r\n"
            try await outbound.write(ByteBuffer(string: head))
            var text = ""
            for try await part in inbound {
                text += String(buffer: part)
                try await heard(text)
            }
            return text
        }
    }
}
