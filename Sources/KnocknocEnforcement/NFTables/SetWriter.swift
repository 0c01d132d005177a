import CMnl

/// Changes elements of sets with one message to the kernel. libnftables lists every table, chain and set before each
/// command, which takes longer than the change.
final class SetWriter {
    private let socket: NetlinkSocket

    init() throws(EnforcementError) {
        socket = try NetlinkSocket(bus: NETLINK_NETFILTER)
        socket.makeRoom(toSend: 4 << 20)
    }

    /// Elements in one message: an attribute holds at most 64 KiB.
    private static let limit = 500

    /// Runs all changes as one transaction.
    ///
    /// - Throws: ``EnforcementError`` with the kernel's reason; nothing has then been changed.
    func run(_ changes: [ElementChange]) throws(EnforcementError) {
        let parts = changes.flatMap { change in
            stride(from: 0, to: change.elements.count, by: Self.limit).map { start in
                (change, change.elements[start..<min(start + Self.limit, change.elements.count)])
            }
        }
        guard !parts.isEmpty else { return }
        var bytes = Self.fence(UInt16(NFNL_SUBSYS_NFTABLES).bigEndian, begins: true)
        for (index, part) in parts.enumerated() {
            bytes += Self.message(part.0, part.1, acknowledged: index == parts.count - 1).bytes
        }
        bytes += Self.fence(UInt16(NFNL_SUBSYS_NFTABLES).bigEndian, begins: false)
        try socket.transact(bytes)
    }

    /// NFNL_MSG_BATCH_BEGIN and NFNL_MSG_BATCH_END.
    private static func fence(_ subsystem: UInt16, begins: Bool) -> [UInt8] {
        let fixed = [0, 0] + withUnsafeBytes(of: subsystem) { Array($0) }
        return NetlinkMessage(type: begins ? 0x10 : 0x11, flags: 0, fixed: fixed).bytes
    }

    private static func message(
        _ change: ElementChange, _ items: ArraySlice<ElementChange.Item>, acknowledged: Bool
    ) -> NetlinkMessage {
        let adds = change.verb == .add
        var message = NetlinkMessage(
            nftables: UInt16((adds ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM).rawValue),
            flags: (adds ? NetlinkMessage.create : 0) | (acknowledged ? NetlinkMessage.acknowledge : 0),
            family: change.set.family.number)
        message.add(UInt16(NFTA_SET_ELEM_LIST_TABLE.rawValue), text: change.set.table)
        message.add(UInt16(NFTA_SET_ELEM_LIST_SET.rawValue), text: change.set.name)
        let elements = items.flatMap { NetlinkMessage.nested(UInt16(NFTA_LIST_ELEM.rawValue), element($0)) }
        message.append(NetlinkMessage.nested(UInt16(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue), elements))
        return message
    }

    private static func element(_ item: ElementChange.Item) -> [UInt8] {
        let value = NetlinkMessage.attribute(UInt16(NFTA_DATA_VALUE.rawValue), item.key)
        var bytes = NetlinkMessage.nested(UInt16(NFTA_SET_ELEM_KEY.rawValue), value)
        if let milliseconds = item.milliseconds {
            let timeout = withUnsafeBytes(of: UInt64(milliseconds).bigEndian) { Array($0) }
            bytes += NetlinkMessage.attribute(UInt16(NFTA_SET_ELEM_TIMEOUT.rawValue), timeout)
        }
        if let comment = item.comment {
            // Type 0, a length, text with its end (libnftnl's udata), as nft(8) lists it.
            let text = Array(comment.utf8) + [0]
            bytes += NetlinkMessage.attribute(
                UInt16(NFTA_SET_ELEM_USERDATA.rawValue), [0, UInt8(text.count)] + text)
        }
        return bytes
    }
}
