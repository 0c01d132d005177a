import Glibc
import KnocknocModel
import NIOCore
import NIOPosix

/// Whether a server is on this machine, whatever it is called.
enum OwnHost {
    static func answers(to server: ServerURL) async -> Bool {
        if server.isLoopback { return true }
        let host = server.host
        let (answers, continuation) = AsyncStream.makeStream(of: Bool.self)
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        // The system's resolver cannot be interrupted: whoever is first says it.
        let lookup = Task {
            let own = try? await pool.runIfActive { isOwn(addresses(of: host)) }
            continuation.yield(own ?? false)
        }
        let limit = Task {
            try await Task.sleep(for: .seconds(2))
            continuation.yield(false)
        }
        defer {
            lookup.cancel()
            limit.cancel()
            pool.shutdownGracefully { _ in }
        }
        for await answer in answers { return answer }
        return false
    }

    static func isOwn(_ addresses: [IPAddress]) -> Bool {
        let devices = (try? System.enumerateDevices()) ?? []
        let own = Set(devices.compactMap { $0.address?.ipAddress.flatMap(IPAddress.init) })
        return addresses.contains { $0.isLoopback || own.contains($0) }
    }

    private static func addresses(of host: String) -> [IPAddress] {
        if let address = IPAddress(host) { return [address] }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &first) == 0 else { return [] }
        defer { freeaddrinfo(first) }
        return sequence(first: first, next: { $0?.pointee.ai_next }).compactMap { info in
            guard let raw = info?.pointee.ai_addr else { return nil }
            let family = Int32(raw.pointee.sa_family)
            // sockaddr_in: family, port, address. sockaddr_in6: family, port, flow, address.
            let (offset, count) = family == AF_INET ? (4, 4) : family == AF_INET6 ? (8, 16) : (0, 0)
            let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(raw) + offset, count: count)
            return count > 0 ? IPAddress(bytes: Array(bytes)) : nil
        }
    }
}
