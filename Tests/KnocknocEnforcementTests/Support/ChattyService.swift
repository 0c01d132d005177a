import Foundation
import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocEnforcement

/// A TCP service that sends without being asked, every few milliseconds, to everybody who gets through.
final class ChattyService: Sendable {
    private let listener: Int32
    private let stopped = Atomic(false)
    let received = Atomic(0)

    init(_ network: TestNetwork, _ host: TestNetwork.Host, port: UInt16) throws {
        listener = try Sockets.make(network, host, .v6, .tcp)
        let bound = Sockets.with(.v6(0), port) { bind(listener, $0, $1) }
        try #require(bound == 0 && listen(listener, 64) == 0)
        Sockets.setNonblocking(listener)
        try startThread("service", networkNamespace: nil) { [self] in accept() }
    }

    func stop() { stopped.store(true, ordering: .relaxed) }

    private func accept() {
        var peers: [Int32] = []
        while !stopped.load(ordering: .relaxed) {
            _ = Sockets.wait(listener, POLLIN, milliseconds: 2)
            let peer = Glibc.accept(listener, nil, nil)
            if peer >= 0 {
                Sockets.setNonblocking(peer)
                peers.append(peer)
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            for peer in peers {
                send(peer, "x", 1, Int32(MSG_NOSIGNAL))
                let count = recv(peer, &buffer, buffer.count, 0)
                if count > 0 { received.add(count, ordering: .relaxed) }
            }
        }
        for descriptor in peers + [listener] { close(descriptor) }
    }
}

/// A client's connection that sends all the time and counts what comes back.
final class Caller: Sendable {
    private let descriptor: Int32
    private let stopped = Atomic(false)
    let received = Atomic(0)
    private let ended = Atomic(false)
    /// Whether the other end has ended it.
    var hasEnded: Bool { ended.load(ordering: .relaxed) }

    /// - Returns: nil where no connection came about within the time.
    init?(
        _ network: TestNetwork, _ host: TestNetwork.Host, to address: IPAddress, port: UInt16,
        milliseconds: Int32 = 400
    ) throws {
        descriptor = try Sockets.make(network, host, address.family, .tcp)
        Sockets.setNonblocking(descriptor)
        _ = Sockets.with(address, port) { connect(descriptor, $0, $1) }
        var error: Int32 = 0
        var length = socklen_t(4)
        guard Sockets.wait(descriptor, POLLOUT, milliseconds: milliseconds),
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0, error == 0
        else {
            close(descriptor)
            return nil
        }
        try startThread("caller", networkNamespace: nil) { [self] in talk() }
    }

    func stop() { stopped.store(true, ordering: .relaxed) }

    /// Whether bytes come in within the time.
    func hears(milliseconds: Int64 = 1000) -> Bool {
        let before = received.load(ordering: .relaxed)
        let end = Sockets.now() + milliseconds
        while Sockets.now() < end {
            if received.load(ordering: .relaxed) > before { return true }
            poll(nil, 0, 2)
        }
        return false
    }

    private func talk() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !stopped.load(ordering: .relaxed) {
            let ready = Sockets.wait(descriptor, POLLIN, milliseconds: 2)
            let count = ready ? recv(descriptor, &buffer, buffer.count, 0) : 0
            if count > 0 { received.add(count, ordering: .relaxed) }
            if ready && count <= 0 {
                ended.store(true, ordering: .relaxed)
                poll(nil, 0, 2)
            }
            send(descriptor, "y", 1, Int32(MSG_NOSIGNAL))
        }
        close(descriptor)
    }
}

/// Watches that nothing passes between the two for a while: what does not happen can only be watched for.
func expectSilence(
    _ caller: Caller, _ service: ChattyService, milliseconds: Int32 = 400,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    // What had arrived before is read first.
    poll(nil, 0, 20)
    let before = (caller.received.load(ordering: .relaxed), service.received.load(ordering: .relaxed))
    poll(nil, 0, milliseconds)
    let after = (caller.received.load(ordering: .relaxed), service.received.load(ordering: .relaxed))
    #expect(before.0 == after.0, "bytes reached the client", sourceLocation: sourceLocation)
    #expect(before.1 == after.1, "bytes reached the service", sourceLocation: sourceLocation)
}
