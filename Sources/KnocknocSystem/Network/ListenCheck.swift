import Glibc
public import KnocknocModel

/// Whether an address can be listened on.
public enum ListenCheck {
    /// - Returns: nil where it can; else why not, and what to do.
    public static func obstacle(_ listen: ListenAddress) async -> String? {
        switch problem(of: listen) {
        case .free: return nil
        case .unusable(let reason): return reason
        case .taken:
            let holder = await holder(of: listen)
            let taker = holder.map { "\($0.program) listens on \($0.place)" } ?? "another process listens there"
            return "\(listen) is taken: \(taker); give another port, or end that process"
        }
    }

    private enum Problem {
        case free, taken
        case unusable(String)
    }

    /// Who is in the way; nil where nobody can tell.
    private static func holder(of listen: ListenAddress) async -> PortHolder? {
        for address in OwnAddresses.resolve(listen.host) {
            // A socket of all IPv6 addresses takes IPv4 too.
            for wanted in address == .v6(0) ? [address, .v4(0)] : [address] {
                if let holder = try? await PortHolder.of(FrontAddress(wanted, port: listen.port)) { return holder }
            }
        }
        return nil
    }

    private static func problem(of listen: ListenAddress) -> Problem {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(listen.host, "\(listen.port)", &hints, &found)
        guard code == 0, let target = found else {
            return .unusable("\(listen.host) is no address of this machine: \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(found) }
        let descriptor = socket(target.pointee.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return .unusable("\(listen): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        // As the server does: connections that linger from before are in nobody's way.
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard bind(descriptor, target.pointee.ai_addr, target.pointee.ai_addrlen) == 0, Glibc.listen(descriptor, 1) == 0
        else {
            switch errno {
            case EADDRINUSE: return .taken
            case EADDRNOTAVAIL: return .unusable(foreign(listen.host))
            case let code: return .unusable("\(listen): \(String(cString: strerror(code)))")
            }
        }
        return .free
    }

    /// Why nobody can listen at an address of this machine, whatever the port; nil where somebody can.
    public static func obstacle(of address: IPAddress) -> String? {
        let text = address.description
        let family = address.family == .v4 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer { close(descriptor) }
        let (address, length) = OwnAddresses.socketAddress(address, port: 0)
        var storage = address
        let isBound = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
        guard !isBound else { return nil }
        return errno == EADDRNOTAVAIL ? foreign(text) : String(cString: strerror(errno))
    }

    private static func foreign(_ host: String) -> String {
        let own = OwnAddresses.networks().map(\.address).filter { !$0.isLoopback && !$0.isLinkLocal }
            .map(\.description).joined(separator: ", ")
        return "\(host) is no address of this machine; it has \(own.isEmpty ? "none but loopback" : own)"
    }
}
