import Glibc
public import KnocknocSystem

/// HAProxy's own command line on its Unix socket: one command for each connection.
public struct HAProxySocket: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    /// Sends a command and reads the whole answer.
    ///
    /// - Throws: ``SystemError`` `missing` where nobody listens, `failed` where no answer comes within five seconds.
    public func ask(_ command: String) throws(SystemError) -> String {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("opening") }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError(.invalid, "\(path) is too long for a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { throw failure("reaching HAProxy at") }
        let line = Array((command + "\n").utf8)
        guard send(descriptor, line, line.count, Int32(MSG_NOSIGNAL)) == line.count else {
            throw failure("telling HAProxy at")
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 { answer += buffer[..<count] }
            if count == 0 { return String(decoding: answer, as: UTF8.self) }
            if count < 0, errno != EINTR { throw failure("hearing from HAProxy at") }
        }
    }

    /// The worker that answers; nil where none does.
    public var worker: Int? {
        guard let info = try? ask("show info") else { return nil }
        let line = info.split(separator: "\n").first { $0.hasPrefix("Pid:") }
        return line.flatMap { Int($0.dropFirst(4).drop { $0 == " " }) }
    }

    private func failure(_ doing: String) -> SystemError {
        let code = errno
        let kind: SystemError.Code =
            code == EACCES || code == EPERM
            ? .notAllowed : [ENOENT, ECONNREFUSED].contains(code) ? .missing : .failed
        return SystemError(kind, "\(doing) \(path): \(String(cString: strerror(code)))")
    }
}
