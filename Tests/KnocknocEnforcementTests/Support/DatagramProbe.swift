import Foundation
import KnocknocModel
import Synchronization
import Testing

@testable import KnocknocEnforcement

/// Numbered datagrams from clients to one service, many a millisecond apart at most: shows every moment in which a
/// port is open, or closed, that should not be.
final class DatagramProbe: Sendable {
    struct Arrival: Sendable {
        var number: Int
        /// By CLOCK_BOOTTIME, in milliseconds.
        var time: Int64
    }

    private let service: Int32
    private let arrivals = Mutex<[IPAddress: [Arrival]]>([:])
    private let stopped = Atomic(false)
    private let network: TestNetwork
    private let port: UInt16
    private let running = DispatchGroup()

    init(_ network: TestNetwork, port: UInt16 = 9000) throws {
        self.network = network
        self.port = port
        service = try Sockets.make(network, .gateway, .v6, .udp)
        try #require(Sockets.with(.v6(0), port) { bind(service, $0, $1) } == 0)
        Sockets.setNonblocking(service)
        running.enter()
        try startThread("probe", networkNamespace: nil) { [self] in receive() }
    }

    /// Sends from now on, without end.
    func send(from host: TestNetwork.Host, _ family: IPAddress.Family = .v4) throws {
        let descriptor = try Sockets.make(network, host, family, .udp)
        let (gateway, port) = (network.address(.gateway, family), port)
        _ = Sockets.with(gateway, port) { connect(descriptor, $0, $1) }
        running.enter()
        try startThread("sender", networkNamespace: nil) { [self] in
            var number = 0
            while !stopped.load(ordering: .relaxed) {
                Glibc.send(descriptor, &number, MemoryLayout<Int>.size, 0)
                number += 1
                usleep(200)
            }
            close(descriptor)
            running.leave()
        }
    }

    func stop() {
        stopped.store(true, ordering: .relaxed)
        running.wait()
    }

    func arrivals(from address: IPAddress) -> [Arrival] { arrivals.withLock { $0[address] ?? [] } }

    /// Waits for something to arrive after this call.
    func waitForArrival(from address: IPAddress, milliseconds: Int64 = 3000) -> Bool {
        let before = arrivals(from: address).count
        let end = Sockets.now() + milliseconds
        while Sockets.now() < end {
            if arrivals(from: address).count > before { return true }
            poll(nil, 0, 1)
        }
        return false
    }

    /// Waits until nothing has arrived for a while.
    func waitForSilence(from address: IPAddress, of quiet: Int64 = 300, milliseconds: Int64 = 6000) -> Bool {
        let end = Sockets.now() + milliseconds
        while Sockets.now() < end {
            if Sockets.now() - (arrivals(from: address).last?.time ?? 0) > quiet { return true }
            poll(nil, 0, 5)
        }
        return false
    }

    /// How many datagrams are missing between the first and the last that arrived.
    func missing(from address: IPAddress) -> Int {
        let all = arrivals(from: address)
        guard let first = all.first, let last = all.last else { return 0 }
        return last.number - first.number + 1 - all.count
    }

    private func receive() {
        var number = 0
        while !stopped.load(ordering: .relaxed) {
            guard Sockets.wait(service, POLLIN, milliseconds: 5) else { continue }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            while true {
                let count = withUnsafeMutablePointer(to: &storage) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        recvfrom(service, &number, MemoryLayout<Int>.size, 0, $0, &length)
                    }
                }
                guard count > 0 else { break }
                guard let source = Sockets.address(storage) else { continue }
                let arrival = Arrival(number: number, time: Sockets.now())
                arrivals.withLock { $0[source, default: []].append(arrival) }
            }
        }
        close(service)
        running.leave()
    }
}
