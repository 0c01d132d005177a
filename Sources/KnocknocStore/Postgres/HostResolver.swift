import Dispatch
import Glibc

/// Names to addresses, on a thread that may block (getaddrinfo(3)).
enum HostResolver {
    /// - Throws: ``StoreError`` `unavailable`.
    static func addresses(of host: String, within limit: Duration) async throws -> [String] {
        let shot = OneShot<[String]>()
        DispatchQueue.global().async { shot.complete(Result { try resolve(host) }) }
        return try await shot.value(
            within: limit, else: StoreError(.unavailable, "\(host): the name was not resolved within \(limit)"))
    }

    private static func resolve(_ host: String) throws(StoreError) -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            throw StoreError(.unavailable, "\(host): \(String(cString: gai_strerror(code)))", sqlState: "08001")
        }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var entry = list
        while let current = entry {
            var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            if getnameinfo(
                current.pointee.ai_addr, current.pointee.ai_addrlen, &buffer, socklen_t(buffer.count), nil, 0,
                NI_NUMERICHOST) == 0
            {
                let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !addresses.contains(text) { addresses.append(text) }
            }
            entry = current.pointee.ai_next
        }
        return addresses
    }
}
