import Glibc

/// Ports of loopback, for what tests start.
enum FreePort {
    struct Failure: Error {
        var errno: Int32
    }

    /// A port that nobody listened on a moment ago.
    static func find() throws -> Int {
        let (socket, port) = try listen(backlog: 0)
        close(socket)
        return port
    }

    /// A socket on loopback that is bound and listens.
    static func listen(backlog: Int32) throws -> (socket: Int32, port: Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard bind(descriptor, generic, length) == 0, Glibc.listen(descriptor, backlog) == 0,
                    getsockname(descriptor, generic, &length) == 0
                else { return 0 }
                return Int(UInt16(bigEndian: pointer.pointee.sin_port))
            }
        }
        guard port != 0 else { throw Failure(errno: errno) }
        return (descriptor, port)
    }
}
