import CMnl
import Glibc

/// A netlink socket of the network namespace of the thread that makes it; used by one thread at a time.
final class NetlinkSocket {
    private let handle: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer

    /// - Parameter bus: `NETLINK_NETFILTER` and so on (netlink(7)).
    init(bus: Int32) throws(EnforcementError) {
        guard let handle = mnl_socket_open2(bus, Int32(SOCK_CLOEXEC.rawValue)) else {
            throw EnforcementError(.unavailable, "netlink socket: \(systemMessage(errno))")
        }
        self.handle = handle
        buffer = .allocate(byteCount: 64 * 1024, alignment: 16)
        guard mnl_socket_bind(handle, 0, 0) == 0 else {
            throw EnforcementError(.unavailable, "netlink socket: \(systemMessage(errno))")
        }
    }

    deinit {
        mnl_socket_close(handle)
        buffer.deallocate()
    }

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
    func receive(_ body: (NetlinkMessages) -> Void) throws(EnforcementError) {
        let count = mnl_socket_recvfrom(handle, buffer.baseAddress, buffer.count)
        guard count >= 0 else {
            let number = errno
            throw EnforcementError(number == ENOBUFS ? .overrun : .kernel, "netlink: \(systemMessage(number))")
        }
        body(messages(count))
    }

    /// Sends a request and hands over each answer until the kernel says that it is done.
    ///
    /// - Throws: ``EnforcementError/Code/missing`` for ENOENT, ``EnforcementError/Code/unavailable`` for EOPNOTSUPP, else
    ///   ``EnforcementError/Code/kernel``; the message is the kernel's reason only.
    func request(
        _ message: NetlinkMessage, each: (UnsafePointer<nlmsghdr>) -> Void
    ) throws(EnforcementError) {
        try send(message.bytes)
        var answer: Int32?
        while answer == nil {
            try receive { messages in
                for message in messages {
                    switch Int32(message.pointee.nlmsg_type) {
                    case NLMSG_ERROR, NLMSG_DONE: answer = message.fixed(Int32.self) ?? 0
                    default: each(message)
                    }
                }
            }
        }
        if let answer, answer < 0 { throw Self.error(answer) }
    }

    /// Sends requests that are each acknowledged, many at a time.
    ///
    /// - Returns: the errors of those that failed, as ``request(_:each:)`` throws them.
    func request(all messages: [NetlinkMessage]) throws(EnforcementError) -> [EnforcementError] {
        var failures: [EnforcementError] = []
        // Their answers wait in the socket's buffer: more of them than fit would be lost.
        for start in stride(from: 0, to: messages.count, by: 64) {
            let part = messages[start..<min(start + 64, messages.count)]
            try send(part.flatMap(\.bytes))
            var answers = 0
            while answers < part.count {
                try receive { messages in
                    for message in messages where Int32(message.pointee.nlmsg_type) == NLMSG_ERROR {
                        answers += 1
                        let answer = message.fixed(Int32.self) ?? 0
                        if answer < 0 { failures.append(Self.error(answer)) }
                    }
                }
            }
        }
        return failures
    }

    /// Takes messages of up to so many bytes.
    func makeRoom(toSend bytes: Int32) {
        var size = bytes
        let length = socklen_t(MemoryLayout<Int32>.size)
        if setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &size, length) != 0 {
            setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, length)
        }
    }

    /// Sends a batch of nf_tables whose last change alone asks for an answer. The kernel has answered when sending
    /// returns: a batch that failed with the reasons, one that was done with that one answer.
    ///
    /// - Parameter pages: the batch in pieces, which go as one datagram.
    func transact(_ pages: inout [iovec]) throws(EnforcementError) {
        let sent = pages.withUnsafeMutableBufferPointer { pages in
            var message = msghdr()
            message.msg_iov = pages.baseAddress
            message.msg_iovlen = pages.count
            return sendmsg(descriptor, &message, 0)
        }
        guard sent >= 0 else { throw EnforcementError(.kernel, systemMessage(errno)) }
        var failure: EnforcementError?
        var isDone = false
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                guard errno == EAGAIN else { throw EnforcementError(.kernel, systemMessage(errno)) }
                break
            }
            for message in messages(count) where Int32(message.pointee.nlmsg_type) == NLMSG_ERROR {
                guard let answer = message.fixed(Int32.self) else { continue }
                if answer < 0 { failure = failure ?? Self.error(answer) } else { isDone = true }
            }
        }
        if let failure { throw failure }
        guard isDone else { throw EnforcementError(.kernel, "the kernel did not answer") }
    }

    private func messages(_ count: Int) -> NetlinkMessages {
        NetlinkMessages(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }

    private func send(_ bytes: [UInt8]) throws(EnforcementError) {
        guard mnl_socket_sendto(handle, bytes, bytes.count) >= 0 else {
            throw EnforcementError(.kernel, systemMessage(errno))
        }
    }

    private static func error(_ answer: Int32) -> EnforcementError {
        let code: EnforcementError.Code =
            answer == -ENOENT ? .missing : answer == -EOPNOTSUPP ? .unavailable : .kernel
        return EnforcementError(code, systemMessage(-answer))
    }
}
