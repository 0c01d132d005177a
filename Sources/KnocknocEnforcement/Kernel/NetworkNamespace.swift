import CMnl
import Glibc

/// A network namespace by its file, such as `/run/netns/NAME`.
enum NetworkNamespace {
    /// Moves the calling thread, and it alone, into the namespace.
    static func enter(_ path: String) throws(EnforcementError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw EnforcementError(.unavailable, "network namespace \(path): \(systemMessage(errno))")
        }
        defer { close(descriptor) }
        let newNetwork: Int32 = 0x4000_0000
        guard knocknoc_setns(descriptor, newNetwork) == 0 else {
            throw EnforcementError(.unavailable, "network namespace \(path): \(systemMessage(errno))")
        }
    }
}
