import CConntrack
import CMnl
import Glibc
import KnocknocModel

/// An entry of connection tracking as libnetfilter_conntrack holds it.
final class ConntrackEntry {
    /// Where an address stands in the original direction; the number is CTA_FILTER's flag for it.
    enum End: UInt32 { case source = 1, destination = 2 }

    private let pointer: OpaquePointer

    private init?() {
        guard let pointer = nfct_new() else { return nil }
        self.pointer = pointer
    }

    /// One with an IPv4 address at one end and nothing else, to compare others with.
    convenience init?(_ address: UInt32, at end: End) {
        self.init()
        nfct_set_attr_u8(pointer, ATTR_ORIG_L3PROTO, UInt8(AF_INET))
        nfct_set_attr_u32(pointer, end == .source ? ATTR_ORIG_IPV4_SRC : ATTR_ORIG_IPV4_DST, address.bigEndian)
    }

    /// From the kernel's message; nil for one that the library does not understand.
    convenience init?(_ message: UnsafePointer<nlmsghdr>) {
        self.init()
        guard nfct_nlmsg_parse(message, pointer) == 0 else { return nil }
    }

    deinit { nfct_destroy(pointer) }

    func put(into header: NetlinkMessage.Header) { nfct_nlmsg_build(header, pointer) }

    /// Makes the kernel forget it: its tuple and its zone find it, and its number keeps a later flow with the same ports
    /// from being taken for it.
    var removal: NetlinkMessage {
        let family = nfct_get_attr_u8(pointer, ATTR_ORIG_L3PROTO)
        return NetlinkMessage(conntrack: IPCTNL_MSG_CT_DELETE, flags: NLM_F_ACK, family: family) { header in
            guard let name = ConntrackEntry() else { return }
            nfct_copy(name.pointer, pointer, UInt32(NFCT_CP_ORIG))
            for zone in [ATTR_ORIG_ZONE, ATTR_ZONE] { nfct_copy_attr(name.pointer, pointer, zone) }
            name.put(into: header)
            // The library reads the number but does not write it.
            mnl_attr_put_u32(header, UInt16(CTA_ID.rawValue), nfct_get_attr_u32(pointer, ATTR_ID).bigEndian)
        }
    }

    /// Its flow seen from either end: an entry that was made anew by a server's packet is reversed.
    var flows: [Flow] {
        let six = nfct_get_attr_u8(pointer, ATTR_ORIG_L3PROTO) == UInt8(AF_INET6)
        guard let proto = TransportProtocol(number: nfct_get_attr_u8(pointer, ATTR_ORIG_L4PROTO)),
            let source = address(six ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV4_SRC),
            let destination = address(six ? ATTR_ORIG_IPV6_DST : ATTR_ORIG_IPV4_DST)
        else { return [] }
        let (sourcePort, port) = (number(ATTR_ORIG_PORT_SRC), number(ATTR_ORIG_PORT_DST))
        let state = UInt32(nfct_get_attr_u8(pointer, ATTR_TCP_STATE))
        let established = proto == .udp || state == TCP_CONNTRACK_ESTABLISHED.rawValue
        return [
            Flow(
                client: source, clientPort: sourcePort, protocol: proto, destination: destination, port: port,
                innerPort: number(ATTR_REPL_PORT_SRC), established: established),
            Flow(
                client: destination, clientPort: port, protocol: proto, destination: source, port: sourcePort,
                innerPort: sourcePort, established: established),
        ]
    }

    private func number(_ attribute: nf_conntrack_attr) -> UInt16 {
        UInt16(bigEndian: nfct_get_attr_u16(pointer, attribute))
    }

    private func address(_ attribute: nf_conntrack_attr) -> IPAddress? {
        guard let start = nfct_get_attr(pointer, attribute) else { return nil }
        let length = attribute == ATTR_ORIG_IPV6_SRC || attribute == ATTR_ORIG_IPV6_DST ? 16 : 4
        return IPAddress(bytes: Array(UnsafeRawBufferPointer(start: start, count: length)))
    }
}

extension NetlinkMessage {
    /// A request to connection tracking about flows of a family.
    init(conntrack command: cntl_msg_types, flags: Int32, family: UInt8, _ fill: (Header) -> Void) {
        let type = UInt16(NFNL_SUBSYS_CTNETLINK) << 8 | UInt16(command.rawValue)
        self.init(type: type, flags: flags) { header in
            header.put(nfgenmsg(nfgen_family: family, version: UInt8(NFNETLINK_V0), res_id: 0))
            fill(header)
        }
    }
}
