import CMnl
import Glibc
import KnocknocModel

/// The addresses of this host's interfaces, in the calling thread's network namespace.
enum LocalAddresses {
    static func read() -> Set<IPAddress> {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var result: Set<IPAddress> = []
        for entry in sequence(first: first, next: { $0?.pointee.ifa_next }) {
            guard let raw = entry?.pointee.ifa_addr.map({ UnsafeRawPointer($0) }) else { continue }
            let family = Int32(raw.loadUnaligned(as: sa_family_t.self))
            // sockaddr_in: family, port, address. sockaddr_in6: family, port, flow, address.
            let (offset, count) = family == AF_INET ? (4, 4) : family == AF_INET6 ? (8, 16) : (0, 0)
            guard count > 0 else { continue }
            let bytes = Array(UnsafeRawBufferPointer(start: raw + offset, count: count))
            if let address = IPAddress(bytes: bytes) { result.insert(address) }
        }
        return result
    }
}
