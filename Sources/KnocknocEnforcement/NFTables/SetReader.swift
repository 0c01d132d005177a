import CMnl
import CNFTnl
import KnocknocModel

/// Reads sets straight from the kernel: exact to the millisecond and one datagram at a time, however many elements
/// there are.
final class SetReader {
    private let socket: NetlinkSocket

    init() throws(EnforcementError) { socket = try NetlinkSocket(bus: NETLINK_NETFILTER) }

    /// Refuses a set that cannot hold timed addresses of its family.
    ///
    /// - Throws: ``EnforcementError`` that names the set and what is wrong with it.
    func check(_ set: TableSet) throws(EnforcementError) {
        let wanted = try SetContent(set)
        let found = try SetContent()
        let message = NetlinkMessage(nftables: NFT_MSG_GETSET, flags: NLM_F_ACK, set.family) { header in
            nftnl_set_nlmsg_build_payload(header, wanted.pointer)
        }
        try request(message, set) { answer in nftnl_set_nlmsg_parse(answer, found.pointer) == 0 }
        let flags = nftnl_set_get_u32(found.pointer, UInt16(NFTNL_SET_FLAGS.rawValue))
        let length = nftnl_set_get_u32(found.pointer, UInt16(NFTNL_SET_KEY_LEN.rawValue))
        guard length == UInt32(set.addresses.bits / 8) else {
            throw EnforcementError(.refused, "set \(set): its keys are not \(set.addresses.rawValue) addresses")
        }
        guard flags & NFT_SET_TIMEOUT.rawValue != 0 else {
            throw EnforcementError(
                .refused, "set \(set): it has no timeout flag, so access would not end by itself; add \"flags timeout\""
            )
        }
        guard flags & (NFT_SET_INTERVAL.rawValue | NFT_SET_MAP.rawValue | NFT_SET_CONSTANT.rawValue) == 0 else {
            throw EnforcementError(
                .refused, "set \(set): it is an interval set, a map or constant; use a plain set with \"flags timeout\""
            )
        }
    }

    /// Hands over every element of a set.
    func read(_ set: TableSet, each: (FoundElement) -> Void) throws(EnforcementError) {
        try read(try SetContent(set), of: set, flags: NLM_F_DUMP, each)
    }

    /// One element, or nil where it is not there.
    func find(_ address: IPAddress, in set: TableSet) throws(EnforcementError) -> FoundElement? {
        let content = try SetContent(set, [ElementChange.Item(address)])
        var found: FoundElement?
        do {
            try read(content, of: set, flags: NLM_F_ACK) { found = $0 }
        } catch {
            guard error.code == .missing else { throw error }
        }
        return found
    }

    private func read(
        _ content: SetContent, of set: TableSet, flags: Int32, _ each: (FoundElement) -> Void
    ) throws(EnforcementError) {
        let message = NetlinkMessage(nftables: NFT_MSG_GETSETELEM, flags: flags, set.family) { header in
            nftnl_set_elems_nlmsg_build_payload(header, content.pointer)
        }
        try request(message, set) { answer in
            guard let content = SetContent(elementsIn: answer) else { return false }
            content.elements { set.isOurs || $0 == OwnTable.name }.forEach(each)
            return true
        }
    }

    /// - Parameter each: takes an answer; false where it was not understood.
    private func request(
        _ message: NetlinkMessage, _ set: TableSet, _ each: (UnsafePointer<nlmsghdr>) -> Bool
    ) throws(EnforcementError) {
        var isUnderstood = true
        do {
            try socket.request(message) { if !each($0) { isUnderstood = false } }
        } catch {
            throw EnforcementError(error.code, "set \(set): \(error.message)")
        }
        // What is not known to be free is not ours to change.
        guard isUnderstood else {
            throw EnforcementError(.kernel, "set \(set): libnftnl does not understand what the kernel says of it")
        }
    }
}

extension NetlinkMessage {
    /// A request to nf_tables.
    fileprivate init(
        nftables command: nf_tables_msg_types, flags: Int32, _ family: NFTablesSet.Family, _ fill: (Header) -> Void
    ) {
        self.init { start in
            let header = nftnl_nlmsg_build_hdr(
                start.assumingMemoryBound(to: CChar.self), UInt16(command.rawValue), UInt16(family.number),
                UInt16(flags), 0)
            if let header { fill(header) }
            return header
        }
    }
}

extension NFTablesSet.Family {
    /// NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6.
    var number: UInt8 {
        switch self {
        case .inet: 1
        case .ip: 2
        case .ip6: 10
        }
    }
}
