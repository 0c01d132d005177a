import CMnl
import Glibc

/// A netlink socket of the network namespace of the thread that makes it; used by one thread at a time.
final class NetlinkSocket {
    private let handle: OpaquePointer
    private var buffer = [UInt8](repeating: 0, count: 64 * 1024)

    /// - Parameter bus: `NETLINK_NETFILTER` and so on (netlink(7)).
    init(bus: Int32) throws(EnforcementError) {
        guard let handle = mnl_socket_open2(bus, Int32(SOCK_CLOEXEC.rawValue)) else {
            throw EnforcementError(.unavailable, "netlink socket: \(systemMessage(errno))")
        }
        self.handle = handle
        guard mnl_socket_bind(handle, 0, 0) == 0 else {
            throw EnforcementError(.unavailable, "netlink socket: \(systemMessage(errno))")
        }
    }

    deinit { mnl_socket_close(handle) }

    var descriptor: Int32 { mnl_socket_get_fd(handle) }

    /// Receives a group's events, with room for many of them.
    func join(_ group: UInt32) throws(EnforcementError) {
        var size: Int32 = 4 << 20
        let length = socklen_t(MemoryLayout<Int32>.size)
        if setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, length) != 0 {
            // Without CAP_NET_ADMIN in the first user namespace: as much as net.core.rmem_max allows.
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, length)
        }
        var group = group
        guard mnl_socket_setsockopt(handle, NETLINK_ADD_MEMBERSHIP, &group, 4) == 0 else {
            throw EnforcementError(.unavailable, "netlink events: \(systemMessage(errno))")
        }
    }

    /// Waits for one datagram.
    ///
    /// - Throws: ``EnforcementError/Code/overrun`` where the kernel had to throw events away.
    func receive(_ body: (UnsafeRawBufferPointer) -> Void) throws(EnforcementError) {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else {
            let number = errno
            throw EnforcementError(number == ENOBUFS ? .overrun : .kernel, "netlink: \(systemMessage(number))")
        }
        buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    /// Sends a request and hands over each answer until the kernel says that it is done.
    ///
    /// - Throws: ``EnforcementError/Code/missing`` for ENOENT, else ``EnforcementError/Code/kernel``; the message is
    ///   the kernel's reason only.
    func request(_ message: NetlinkMessage, each: (NetlinkFrame) -> Void) throws(EnforcementError) {
        guard message.bytes.withUnsafeBytes({ mnl_socket_sendto(handle, $0.baseAddress, $0.count) }) >= 0 else {
            throw EnforcementError(.kernel, systemMessage(errno))
        }
        var answer: Int32?
        while answer == nil {
            try receive { bytes in
                for frame in NetlinkFrames(bytes) {
                    switch Int32(frame.type) {
                    case NLMSG_ERROR, NLMSG_DONE:
                        answer = frame.payload.count >= 4 ? frame.payload.loadUnaligned(as: Int32.self) : 0
                    default: each(frame)
                    }
                }
            }
        }
        if let answer, answer < 0 {
            throw EnforcementError(answer == -ENOENT ? .missing : .kernel, systemMessage(-answer))
        }
    }
}
