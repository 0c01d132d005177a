import CConntrack
import Glibc
import KnocknocModel

/// The kernel's connection tracking table of one network namespace.
final class ConntrackTable {
    private let handle: OpaquePointer

    init() throws(EnforcementError) {
        guard let handle = nfct_open(UInt8(1), 0) else {
            throw EnforcementError(.unavailable, "connection tracking: \(systemMessage(errno))")
        }
        self.handle = handle
    }

    deinit { nfct_close(handle) }

    /// A flow and the kernel's entry for it.
    struct Found {
        var flow: Flow
        fileprivate var entry: Entry
    }

    /// Forgets flows, so that no rule takes them for established; one that fails does not stop the others.
    func forget(_ found: [Found]) throws(EnforcementError) {
        guard !found.isEmpty else { return }
        guard let eraser = nfct_open(UInt8(1), 0) else {
            throw EnforcementError(.unavailable, "connection tracking: \(systemMessage(errno))")
        }
        defer { nfct_close(eraser) }
        var failure: EnforcementError?
        for item in found
        where nfct_query(eraser, NFCT_Q_DESTROY, UnsafeRawPointer(item.entry.pointer)) != 0 && errno != ENOENT {
            failure = failure ?? EnforcementError(.kernel, "connection tracking: \(systemMessage(errno))")
        }
        if let failure { throw failure }
    }

    fileprivate final class Entry {
        let pointer: OpaquePointer
        init(_ pointer: OpaquePointer) { self.pointer = pointer }
        deinit { nfct_destroy(pointer) }
    }

    private final class Walk {
        let wanted: (Flow) -> Bool
        var found: [Found] = []
        init(_ wanted: @escaping (Flow) -> Bool) { self.wanted = wanted }
    }

    /// Every flow that `wanted` says yes to.
    func find(where wanted: @escaping (Flow) -> Bool) throws(EnforcementError) -> [Found] {
        let walk = Walk(wanted)
        let data = Unmanaged.passUnretained(walk).toOpaque()
        nfct_callback_register(
            handle, NFCT_T_ALL,
            { _, pointer, data in
                guard let pointer, let data else { return 1 }
                let walk = Unmanaged<Walk>.fromOpaque(data).takeUnretainedValue()
                for flow in Flow.read(pointer) where walk.wanted(flow) {
                    if let copy = nfct_clone(pointer) { walk.found.append(Found(flow: flow, entry: Entry(copy))) }
                }
                return 1
            }, data)
        defer { nfct_callback_unregister(handle) }
        var family = UInt32(AF_UNSPEC)
        let result = withExtendedLifetime(walk) { nfct_query(handle, NFCT_Q_DUMP, &family) }
        guard result == 0 else {
            throw EnforcementError(.kernel, "connection tracking: \(systemMessage(errno))")
        }
        return walk.found
    }
}

/// TCP_CONNTRACK_ESTABLISHED.
private let tcpEstablished: UInt8 = 3

extension Flow {
    /// A tracked connection seen from either end: an entry that was made anew by a server's packet is reversed.
    fileprivate static func read(_ entry: OpaquePointer) -> [Flow] {
        guard let proto = TransportProtocol(number: nfct_get_attr_u8(entry, ATTR_ORIG_L4PROTO)) else { return [] }
        let six = nfct_get_attr_u8(entry, ATTR_ORIG_L3PROTO) == UInt8(AF_INET6)
        let source = address(entry, six ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC, six)
        let destination = address(entry, six ? ATTR_ORIG_IPV6_DST : ATTR_ORIG_IPV4_DST, six)
        guard let source, let destination else { return [] }
        let sourcePort = UInt16(bigEndian: nfct_get_attr_u16(entry, ATTR_ORIG_PORT_SRC))
        let port = UInt16(bigEndian: nfct_get_attr_u16(entry, ATTR_ORIG_PORT_DST))
        let innerPort = UInt16(bigEndian: nfct_get_attr_u16(entry, ATTR_REPL_PORT_SRC))
        let state = nfct_get_attr_u8(entry, ATTR_TCP_STATE)
        let established = proto == .udp || state == tcpEstablished
        return [
            Flow(
                client: source, clientPort: sourcePort, protocol: proto, destination: destination, port: port,
                innerPort: innerPort, established: established),
            Flow(
                client: destination, clientPort: port, protocol: proto, destination: source, port: sourcePort,
                innerPort: sourcePort, established: established),
        ]
    }

    private static func address(_ entry: OpaquePointer, _ which: nf_conntrack_attr, _ six: Bool) -> IPAddress? {
        guard let raw = nfct_get_attr(entry, which) else { return nil }
        return IPAddress(bytes: Array(UnsafeRawBufferPointer(start: raw, count: six ? 16 : 4)))
    }
}
