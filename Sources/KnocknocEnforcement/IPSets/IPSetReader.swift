import CIPSet
import CMnl
import KnocknocModel

/// Reads sets of ipset straight from the kernel: libipset only prints them.
final class IPSetReader {
    private let socket: NetlinkSocket

    init() throws(EnforcementError) { socket = try NetlinkSocket(bus: NETLINK_NETFILTER) }

    /// What the kernel says of the set.
    ///
    /// - Throws: ``EnforcementError/Code/missing`` where it is not there.
    func header(_ set: IPSet) throws(EnforcementError) -> IPSetHeader {
        try list(set, flags: IPSET_FLAG_LIST_HEADER.rawValue) { _ in }
    }

    /// Hands over every address of a set, with its timeout rounded down to seconds; networks of other sizes are left
    /// out.
    @discardableResult
    func read(_ set: IPSet, each: (FoundElement) -> Void) throws(EnforcementError) -> IPSetHeader {
        try list(set, flags: 0, each)
    }

    /// The newest protocol of this kernel's.
    func version() throws(EnforcementError) -> Int {
        var found = 0
        try request(IPSET_CMD_PROTOCOL, NLM_F_ACK) { _ in
        } each: { attributes in
            for attribute in attributes where Int(attribute.type) == IPSET_ATTR_PROTOCOL {
                found = Int(attribute.bytes.first ?? 0)
            }
        }
        return found
    }

    private func list(
        _ set: IPSet, flags: UInt32, _ each: (FoundElement) -> Void
    ) throws(EnforcementError) -> IPSetHeader {
        var header: IPSetHeader?
        do {
            // With NLM_F_ACK the kernel would tell of an error twice.
            try request(IPSET_CMD_LIST, NLM_F_DUMP) { message in
                mnl_attr_put_strz(message, UInt16(IPSET_ATTR_SETNAME), set.name)
                if flags != 0 {
                    mnl_attr_put_u32(message, UInt16(IPSET_ATTR_FLAGS) | Self.networkOrder, flags.bigEndian)
                }
            } each: { attributes in
                if header == nil { header = IPSetHeader(attributes) }
                guard let header else { return }
                for list in attributes where Int(list.type) == IPSET_ATTR_ADT {
                    for item in list.nested {
                        if let element = Self.element(item.nested, set, header) { each(element) }
                    }
                }
            }
        } catch {
            throw EnforcementError(error.code, "set \(set): \(error.message)")
        }
        guard let header else { throw EnforcementError(.kernel, "set \(set): the kernel says nothing of it") }
        return header
    }

    private static func element(
        _ attributes: NetlinkAttributes, _ set: IPSet, _ header: IPSetHeader
    ) -> FoundElement? {
        var found = FoundElement(key: [], expiration: nil, isOurs: false)
        var comment: String?
        // The kernel leaves it out where it is that of a single address.
        var length = set.addresses.bits
        for attribute in attributes {
            switch Int(attribute.type) {
            case IPSET_ATTR_IP: found.key = attribute.nested.first.map { Array($0.bytes) } ?? []
            case IPSET_ATTR_CIDR: length = Int(attribute.bytes.first ?? 0)
            case IPSET_ATTR_TIMEOUT where attribute.number > 0: found.expiration = Int64(attribute.number) * 1000
            case IPSET_ATTR_COMMENT: comment = attribute.text
            case IPSET_ATTR_CADT_FLAGS: found.excludes = attribute.number & IPSET_FLAG_NOMATCH.rawValue != 0
            default: break
            }
        }
        guard found.key.count == set.addresses.bits / 8, length == set.length else { return nil }
        // Without comments the set's timed elements are taken for ours: its permanent ones are somebody's own.
        found.isOurs =
            !found.excludes && found.expiration != nil && (!header.hasComments || comment == OwnTable.name)
        return found
    }

    private func request(
        _ command: ipset_cmd, _ flags: Int32, _ fill: (NetlinkMessage.Header) -> Void,
        each: (NetlinkAttributes) -> Void
    ) throws(EnforcementError) {
        let type = UInt16(NFNL_SUBSYS_IPSET) << 8 | UInt16(command.rawValue)
        let message = NetlinkMessage(type: type, flags: flags) { header in
            header.put(nfgenmsg(nfgen_family: IPAddress.Family.v4.netfilter, version: 0, res_id: 0))
            // Every kernel takes the oldest that the newest still does.
            mnl_attr_put_u8(header, UInt16(IPSET_ATTR_PROTOCOL), UInt8(IPSET_PROTOCOL_MIN))
            fill(header)
        }
        try socket.request(message) { answer in
            each(NetlinkAttributes(answer, after: MemoryLayout<nfgenmsg>.size))
        }
    }

    /// NLA_F_NET_BYTEORDER.
    private static let networkOrder: UInt16 = 1 << 14
}
