public import Glibc
public import KnocknocModel

/// The addresses of this machine's interfaces.
public enum OwnAddresses {
    /// Every address with the network that it is in, loopback among them.
    public static func networks() -> [(address: IPAddress, network: CIDR)] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var found: [(IPAddress, CIDR)] = []
        var next = first
        while let entry = next {
            next = entry.pointee.ifa_next
            guard let raw = entry.pointee.ifa_addr, let address = address(raw) else { continue }
            let mask = entry.pointee.ifa_netmask.flatMap { Self.address($0) }
            let length = mask.map { $0.bytes.reduce(0) { $0 + $1.nonzeroBitCount } } ?? address.family.bits
            found.append((address, CIDR(containing: address, length: length) ?? CIDR(address)))
        }
        return found
    }

    public static func contains(_ address: IPAddress) -> Bool {
        address.isLoopback || address.isUnspecified || networks().contains { $0.address == address }
    }

    /// The address from which this machine speaks to the network beyond it, IPv4 before IPv6; nil where it is alone.
    public static func outward() -> IPAddress? {
        // TEST-NET-1 and the documentation prefix: only the route is asked for, nothing is sent.
        for probe in ["192.0.2.1", "2001:db8::1"].compactMap(IPAddress.init) {
            if let source = source(towards: probe), !source.isLoopback { return source }
        }
        return networks().map(\.address).sorted().first { !$0.isLoopback && !$0.isLinkLocal }
    }

    /// The addresses that a name means here; the address itself where it is one.
    public static func resolve(_ name: String) -> [IPAddress] {
        if let address = IPAddress(name) { return [address] }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &first) == 0 else { return [] }
        defer { freeaddrinfo(first) }
        var found: [IPAddress] = []
        var next = first
        while let entry = next {
            if let address = entry.pointee.ai_addr.flatMap({ Self.address($0) }) { found.append(address) }
            next = entry.pointee.ai_next
        }
        return found
    }

    /// The address from which this machine speaks to another; nil where no route leads there. Nothing is sent.
    public static func source(towards target: IPAddress) -> IPAddress? {
        let family = target.family == .v4 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var (storage, length) = socketAddress(target, port: 9)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard connect(descriptor, generic, length) == 0, getsockname(descriptor, generic, &length) == 0 else {
                    return nil
                }
                return address(generic)
            }
        }
    }

    /// An address as the kernel takes it.
    public static func socketAddress(_ address: IPAddress, port: UInt16) -> (sockaddr_storage, socklen_t) {
        var storage = sockaddr_storage()
        let isV4 = address.family == .v4
        withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.storeBytes(of: sa_family_t(isV4 ? AF_INET : AF_INET6), as: sa_family_t.self)
            bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            for (index, byte) in address.bytes.enumerated() { bytes[(isV4 ? 4 : 8) + index] = byte }
        }
        let size = isV4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        return (storage, socklen_t(size))
    }

    private static func address(_ raw: UnsafePointer<sockaddr>) -> IPAddress? {
        let bytes = UnsafeRawPointer(raw)
        switch Int32(raw.pointee.sa_family) {
        case AF_INET: return IPAddress(bytes: UnsafeRawBufferPointer(start: bytes + 4, count: 4))
        case AF_INET6: return IPAddress(bytes: UnsafeRawBufferPointer(start: bytes + 8, count: 16))
        default: return nil
        }
    }
}
