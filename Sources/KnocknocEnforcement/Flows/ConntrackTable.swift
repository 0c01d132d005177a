import CMnl
import Glibc
import KnocknocModel

/// The kernel's connection tracking table of one network namespace.
///
/// Debian's libnetfilter_conntrack cannot ask for the flows of one address, so this speaks to the kernel itself:
/// a table of a million flows is then searched by the kernel and not copied.
final class ConntrackTable {
    private let socket: NetlinkSocket

    init() throws(EnforcementError) { socket = try NetlinkSocket(bus: NETLINK_NETFILTER) }

    /// A flow and what the kernel needs to find its entry again.
    struct Found: Sendable {
        var flow: Flow
        fileprivate var family: UInt8
        /// The attributes of its entry that name it: its tuple, its zone, and its number, so that a later flow with the
        /// same ports is not taken for it.
        fileprivate var identity: [UInt8]
    }

    /// Every flow that `wanted` says yes to.
    ///
    /// - Parameter clients: whose flows are looked at; nil for all.
    func find(of clients: Set<IPAddress>?, where wanted: (Flow) -> Bool) throws(EnforcementError) -> [Found] {
        // Each filter is a walk over the whole table.
        guard let clients, clients.count <= 8 else { return try dump(AF_UNSPEC, [], wanted) }
        var found: [Found] = []
        for client in clients {
            // A flow that was picked up in the middle may be tracked from its server's end.
            for end in [Self.Filter.source, .destination] {
                let family = client.family == .v4 ? AF_INET : AF_INET6
                found += try dump(family, end.attributes(client)) { $0.client == client && wanted($0) }
            }
        }
        return found
    }

    /// Forgets flows, so that no rule takes them for established; one that fails does not stop the others.
    func forget(_ found: [Found]) throws(EnforcementError) {
        let messages = found.map { item in
            var message = NetlinkMessage(
                conntrack: UInt16(IPCTNL_MSG_CT_DELETE.rawValue), flags: NetlinkMessage.acknowledge,
                family: item.family)
            message.append(item.identity)
            return message
        }
        let failures = try socket.request(all: messages).filter { $0.code != .missing }
        if let failure = failures.first { throw Self.error(failure) }
    }

    private func dump(
        _ family: Int32, _ attributes: [UInt8], _ wanted: (Flow) -> Bool
    ) throws(EnforcementError) -> [Found] {
        var message = NetlinkMessage(
            conntrack: UInt16(IPCTNL_MSG_CT_GET.rawValue), flags: NetlinkMessage.dump, family: UInt8(family))
        message.append(attributes)
        var found: [Found] = []
        do {
            try socket.request(message) { frame in
                for flow in Flow.read(frame) where wanted(flow) {
                    found.append(
                        Found(flow: flow, family: frame.payload[0], identity: Self.identity(frame)))
                }
            }
        } catch {
            throw Self.error(error)
        }
        return found
    }

    private static func error(_ error: EnforcementError) -> EnforcementError {
        EnforcementError(error.code, "connection tracking: \(error.message)")
    }

    private static func identity(_ frame: NetlinkFrame) -> [UInt8] {
        let names = [CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID].map { UInt16($0.rawValue) }
        return NetlinkAttributes(frame.payload, skipping: 4).filter { names.contains($0.type) }
            .flatMap { NetlinkMessage.attribute($0.type, Array($0.value)) }
    }

    /// What the kernel compares before it copies an entry (Linux 5.8; an older one sends all).
    private enum Filter {
        case source, destination

        func attributes(_ address: IPAddress) -> [UInt8] {
            let four = address.family == .v4
            let type: ctattr_ip =
                switch self {
                case .source: four ? CTA_IP_V4_SRC : CTA_IP_V6_SRC
                case .destination: four ? CTA_IP_V4_DST : CTA_IP_V6_DST
                }
            let value = NetlinkMessage.attribute(UInt16(type.rawValue), address.bytes)
            let tuple = NetlinkMessage.nested(UInt16(CTA_TUPLE_IP.rawValue), value)
            // Bit 0 asks for the source address, bit 1 for the destination.
            let flags = withUnsafeBytes(of: UInt32(self == .source ? 1 : 2)) { Array($0) }
            let filter = NetlinkMessage.attribute(UInt16(CTA_FILTER_ORIG_FLAGS.rawValue), flags)
            return NetlinkMessage.nested(UInt16(CTA_TUPLE_ORIG.rawValue), tuple)
                + NetlinkMessage.nested(UInt16(CTA_FILTER.rawValue), filter)
        }
    }
}

extension NetlinkMessage {
    /// A request to connection tracking about flows of a family.
    fileprivate init(conntrack command: UInt16, flags: UInt16, family: UInt8) {
        self.init(type: 1 << 8 | command, flags: flags, fixed: [family, 0, 0, 0])
    }
}

extension Flow {
    /// A tracked connection seen from either end: an entry that was made anew by a server's packet is reversed.
    fileprivate static func read(_ frame: NetlinkFrame) -> [Flow] {
        var original: Tuple?
        var reply: Tuple?
        var state: UInt8 = 0
        for (type, value) in NetlinkAttributes(frame.payload, skipping: 4) {
            switch UInt32(type) {
            case CTA_TUPLE_ORIG.rawValue: original = Tuple(value)
            case CTA_TUPLE_REPLY.rawValue: reply = Tuple(value)
            case CTA_PROTOINFO.rawValue:
                let tcp = NetlinkAttributes(value).first(UInt16(CTA_PROTOINFO_TCP.rawValue))
                state =
                    tcp.flatMap { NetlinkAttributes($0).first(UInt16(CTA_PROTOINFO_TCP_STATE.rawValue))?.first } ?? 0
            default: break
            }
        }
        guard let original, let reply, let proto = TransportProtocol(number: original.number) else { return [] }
        let established = proto == .udp || UInt32(state) == TCP_CONNTRACK_ESTABLISHED.rawValue
        return [
            Flow(
                client: original.source, clientPort: original.sourcePort, protocol: proto,
                destination: original.destination, port: original.port, innerPort: reply.sourcePort,
                established: established),
            Flow(
                client: original.destination, clientPort: original.port, protocol: proto,
                destination: original.source, port: original.sourcePort, innerPort: original.sourcePort,
                established: established),
        ]
    }

    /// One direction of a tracked connection.
    private struct Tuple {
        var source: IPAddress
        var destination: IPAddress
        var number: UInt8
        var sourcePort: UInt16
        var port: UInt16

        init?(_ bytes: UnsafeRawBufferPointer) {
            let parts = NetlinkAttributes(bytes)
            guard let addresses = parts.first(UInt16(CTA_TUPLE_IP.rawValue)).map({ NetlinkAttributes($0) }),
                let ends = parts.first(UInt16(CTA_TUPLE_PROTO.rawValue)).map({ NetlinkAttributes($0) }),
                let source = addresses.first(UInt16(CTA_IP_V4_SRC.rawValue))
                    ?? addresses.first(UInt16(CTA_IP_V6_SRC.rawValue)),
                let destination = addresses.first(UInt16(CTA_IP_V4_DST.rawValue))
                    ?? addresses.first(UInt16(CTA_IP_V6_DST.rawValue)),
                let from = IPAddress(bytes: Array(source)), let to = IPAddress(bytes: Array(destination)),
                let number = ends.first(UInt16(CTA_PROTO_NUM.rawValue))?.first
            else { return nil }
            self.source = from
            self.destination = to
            self.number = number
            sourcePort = UInt16(ends.first(UInt16(CTA_PROTO_SRC_PORT.rawValue))?.number ?? 0)
            port = UInt16(ends.first(UInt16(CTA_PROTO_DST_PORT.rawValue))?.number ?? 0)
        }
    }
}
