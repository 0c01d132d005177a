import Foundation
import KnocknocModel
import Testing

@testable import KnocknocEnforcement

/// Plain sockets of one host; a socket keeps the namespace that it was made in, whoever uses it.
enum Sockets {
    static func make(
        _ network: TestNetwork, _ host: TestNetwork.Host, _ family: IPAddress.Family, _ proto: TransportProtocol
    ) throws -> Int32 {
        let domain = family == .v4 ? AF_INET : AF_INET6
        let type = proto == .tcp ? Int32(SOCK_STREAM.rawValue) : Int32(SOCK_DGRAM.rawValue)
        let descriptor = try network.on(host) { socket(domain, type, 0) }
        var one: Int32 = 1
        var room: Int32 = 8 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &room, 4)
        return try #require(descriptor >= 0 ? descriptor : nil)
    }

    /// Calls `body` with the address as the C library takes it.
    static func with<Result>(
        _ address: IPAddress, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var storage = sockaddr_storage()
        let six = address.family == .v6
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.storeBytes(of: sa_family_t(six ? AF_INET6 : AF_INET), as: sa_family_t.self)
            bytes[2] = UInt8(port >> 8)
            bytes[3] = UInt8(port & 255)
            for (index, byte) in address.bytes.enumerated() { bytes[(six ? 8 : 4) + index] = byte }
        }
        let length = socklen_t(six ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    static func address(_ storage: sockaddr_storage) -> IPAddress? {
        withUnsafeBytes(of: storage) { bytes in
            Int32(storage.ss_family) == AF_INET6
                ? IPAddress(bytes: Array(bytes[8..<24])) : IPAddress(bytes: Array(bytes[4..<8]))
        }
    }

    static func setNonblocking(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    static func wait(_ descriptor: Int32, _ events: Int32, milliseconds: Int32) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&waiting, 1, milliseconds) > 0
    }

    /// Milliseconds by the clock that deadlines are in.
    static func now() -> Int64 { BootClock.now().milliseconds }
}
