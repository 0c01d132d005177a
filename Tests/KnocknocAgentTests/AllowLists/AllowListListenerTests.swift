import Foundation
import KnocknocEnforcement
import KnocknocModel
import KnocknocProtocol
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import KnocknocAgent

@Suite("the listener for lists", .timeLimit(.minutes(5)))
struct AllowListListenerTests {
    /// - Returns: what listens, and at which port.
    private static func listen(_ board: AllowListBoard, _ clocks: DrivenClocks) async throws -> (any Channel, Int) {
        let listener = AllowListListener(
            listen: .init(host: "127.0.0.1", port: 0), board: board, desk: AllowListDesk(board, clocks: clocks),
            group: .singletonMultiThreadedEventLoopGroup, clocks: clocks,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let channel = try #require(await listener.open())
        return (channel, try #require(channel.localAddress?.port))
    }

    /// What comes back for these bytes before the connection ends.
    private static func exchange(_ text: String, port: Int) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var answer = ""
            do {
                for try await part in inbound { answer += String(buffer: part) }
            } catch is IOError {}
            return answer
        }
    }

    @Test("a connection is kept by whoever gets a list, and by nobody else")
    func kept() async throws {
        let board = AllowListBoard()
        let clocks = DrivenClocks()
        let (channel, port) = try await Self.listen(board, clocks)
        let enforcer = AllowListEnforcer(board) { clocks.boot() }
        /// The answers to two requests at once, of which the first keeps the connection.
        func statuses(_ name: String, _ field: String = "") async throws -> [String] {
            let head = "GET /edl/\(name) HTTP/1.1\r\nHost: x\r\n\(field)"
            let text = try await Self.exchange("\(head)\r\n\(head)Connection: close\r\n\r\n", port: port)
            return text.split(separator: "HTTP/1.1 ").map { String($0.prefix(3)) }
        }
        let list = AllowListTests.list.description
        let key = "Authorization: Bearer \(AllowListTests.secret)\r\n"
        #expect(try await statuses(list, key) == ["503"])
        _ = await enforcer.reconcile([try AllowListTests.row().definition], [])
        #expect(try await statuses(list, key) == ["200", "200"])
        #expect(try await statuses(list, key + "If-None-Match: *\r\n") == ["304", "304"])
        #expect(try await statuses(list) == ["401"])
        #expect(try await statuses(list, "Authorization: Bearer knk_wrong\r\n") == ["401"])
        #expect(try await statuses("x") == ["404"])
        _ = await enforcer.reconcile([try AllowListTests.row(networks: ["192.0.2.0/24"]).definition], [])
        #expect(try await statuses(list, key) == ["403"])
        try await channel.close()
    }

    @Test("requests that are too long or too slow, and connections that are too many, are closed")
    func bounds() async throws {
        let (channel, port) = try await Self.listen(AllowListBoard(), DrivenClocks())
        func connect() async throws -> any Channel {
            try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port).get()
        }
        func exchange(_ bytes: Int) async throws -> String {
            let head = "GET /edl/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: "
            return try await Self.exchange(head + String(repeating: "a", count: bytes) + "\r\n\r\n", port: port)
        }
        #expect(try await exchange(RequestPatience.bytes - 200).hasPrefix("HTTP/1.1 404"))
        #expect(try await exchange(RequestPatience.bytes) == "")
        var many: [any Channel] = []
        for _ in 0..<AllowListListener.connections { many.append(try await connect()) }
        many.append(try await connect())
        // Connections are taken in on several threads: one of them, whichever, is one too many. None is out of time yet.
        let closed = many.map(\.closeFuture)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for future in closed { group.addTask { try await future.get() } }
            try await group.next()
            let stillThere = many.filter { $0.isActive }
            #expect(stillThere.count == AllowListListener.connections)
            for one in many { one.close(promise: nil) }
        }
        try await channel.close()
    }
}
