import Glibc
import KnocknocModel
import KnocknocSystem

/// Asks a PostgreSQL over the network whether it speaks TLS: the first eight bytes of its protocol (SSLRequest).
enum TLSProbe {
    enum Answer: Sendable { case tls, plain, none(String) }

    /// Waits 5 s at most.
    static func ask(_ address: IPAddress, port: Int) -> Answer {
        let family = address.family == .v4 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return .none(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var (storage, length) = OwnAddresses.socketAddress(address, port: UInt16(truncatingIfNeeded: port))
        let connected = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) }
        }
        let request: [UInt8] = [0, 0, 0, 8, 4, 210, 22, 47]
        var answer: UInt8 = 0
        guard connected == 0, write(descriptor, request, request.count) == request.count,
            read(descriptor, &answer, 1) == 1
        else { return .none(String(cString: strerror(errno))) }
        return answer == UInt8(ascii: "S") ? .tls : .plain
    }
}
