import CMnl
import Glibc

/// Which netlink ports are this process's own.
struct OwnSockets {
    private var known: Set<UInt32> = []

    /// Looks through this process's descriptors for a netlink socket with that port.
    mutating func contains(_ port: UInt32) -> Bool {
        if known.contains(port) { return true }
        for descriptor in Int32(0)..<4096 {
            var address = sockaddr_nl()
            var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
            let result = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
            }
            if result == 0, Int32(address.nl_family) == AF_NETLINK, address.nl_pid == port {
                known.insert(port)
                return true
            }
        }
        return false
    }
}
