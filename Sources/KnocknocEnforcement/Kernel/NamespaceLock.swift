import Glibc

/// Makes sure that one process alone writes our table in a network namespace: an abstract socket name belongs to its
/// namespace and goes with the process. Made on a thread of that namespace.
final class NamespaceLock {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// - Returns: nil where a process that may not change the packet filter holds the name: any user could.
    /// - Throws: ``EnforcementError/Code/refused`` where another agent holds it.
    static func take() throws(EnforcementError) -> NamespaceLock? {
        let descriptor = try make()
        // An agent that is just ending, or one before us in this process, gets a moment.
        for attempt in 0..<20 {
            if attempt > 0 { usleep(25_000) }
            if with({ bind(descriptor, $0, $1) }) == 0 {
                // Whoever comes second asks the listener who it is.
                guard listen(descriptor, 16) == 0 else { break }
                return NamespaceLock(descriptor)
            }
            guard errno == EADDRINUSE else { break }
        }
        let number = errno
        close(descriptor)
        guard number == EADDRINUSE else {
            throw EnforcementError(.unavailable, "the lock of this network namespace: \(systemMessage(number))")
        }
        guard let holder = try holder(), holder.isAgent else { return nil }
        throw EnforcementError(
            .refused,
            "another Knocknoc agent enforces in this network namespace already; stop it first: two would undo each "
                + "other's guards")
    }

    /// Who listens there.
    private struct Holder {
        var process: pid_t
        var user: uid_t

        /// Root, our own user, or another one whose process may change the packet filter.
        var isAgent: Bool {
            if user == 0 || user == geteuid() { return true }
            guard let file = fopen("/proc/\(process)/status", "re") else { return false }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 256)
            while fgets(&line, Int32(line.count), file) != nil {
                let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                guard text.hasPrefix("CapEff:"), let mask = text.split(whereSeparator: \.isWhitespace).last else {
                    continue
                }
                // CAP_NET_ADMIN, linux/capability.h.
                return UInt64(mask, radix: 16).map { $0 & 1 << 12 != 0 } ?? false
            }
            return false
        }
    }

    /// - Returns: nil where nobody listens.
    private static func holder() throws(EnforcementError) -> Holder? {
        let descriptor = try make()
        defer { close(descriptor) }
        guard with({ connect(descriptor, $0, $1) }) == 0 else { return nil }
        // struct ucred: process, user, group.
        var credentials: (pid_t, uid_t, gid_t) = (0, 0, 0)
        var length = socklen_t(12)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else { return nil }
        return Holder(process: credentials.0, user: credentials.1)
    }

    private static func make() throws(EnforcementError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else {
            throw EnforcementError(.unavailable, "the lock of this network namespace: \(systemMessage(errno))")
        }
        return descriptor
    }

    private static func with<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array("\0knocknoc-enforcement".utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}
