import CMnl
import Glibc
import KnocknocModel

/// Reads sets straight from the kernel: exact to the millisecond and one datagram at a time, however many elements
/// there are.
final class SetReader {
    private let socket: NetlinkSocket

    init() throws(EnforcementError) { socket = try NetlinkSocket(bus: NETLINK_NETFILTER) }

    /// An element as the kernel holds it.
    struct Found: Hashable {
        var key: [UInt8]
        /// Milliseconds until it leaves; nil for one that stays.
        var expiration: Int64?
        var comment: String?
    }

    /// Refuses a set that cannot hold timed addresses of its family.
    ///
    /// - Throws: ``EnforcementError`` that names the set and what is wrong with it.
    func check(_ set: ElementSet) throws(EnforcementError) {
        var message = NetlinkMessage(nftables: UInt16(NFT_MSG_GETSET.rawValue), flags: 4, family: set.family.number)
        message.add(UInt16(NFTA_SET_TABLE.rawValue), text: set.table)
        message.add(UInt16(NFTA_SET_NAME.rawValue), text: set.name)
        var flags: UInt64 = 0
        var length: UInt64 = 0
        do {
            try socket.request(message) { frame in
                let attributes = NetlinkAttributes(frame.payload, skipping: 4)
                flags = attributes.first(UInt16(NFTA_SET_FLAGS.rawValue))?.number ?? 0
                length = attributes.first(UInt16(NFTA_SET_KEY_LEN.rawValue))?.number ?? 0
            }
        } catch {
            throw EnforcementError(error.code, "set \(set): \(error.message)")
        }
        guard length == UInt64(set.addresses.bits / 8) else {
            throw EnforcementError(.refused, "set \(set): its keys are not \(set.addresses.rawValue) addresses")
        }
        guard flags & UInt64(NFT_SET_TIMEOUT.rawValue) != 0 else {
            throw EnforcementError(
                .refused, "set \(set): it has no timeout flag, so access would not end by itself; add \"flags timeout\""
            )
        }
        let unfit = UInt64(NFT_SET_INTERVAL.rawValue | NFT_SET_MAP.rawValue | NFT_SET_CONSTANT.rawValue)
        guard flags & unfit == 0 else {
            throw EnforcementError(
                .refused, "set \(set): it is an interval set, a map or constant; use a plain set with \"flags timeout\""
            )
        }
    }

    /// Hands over every element of a set.
    func read(_ set: ElementSet, each: (Found) -> Void) throws(EnforcementError) {
        var message = NetlinkMessage(
            nftables: UInt16(NFT_MSG_GETSETELEM.rawValue), flags: NetlinkMessage.dump, family: set.family.number)
        message.add(UInt16(NFTA_SET_ELEM_LIST_TABLE.rawValue), text: set.table)
        message.add(UInt16(NFTA_SET_ELEM_LIST_SET.rawValue), text: set.name)
        try request(message, set, each)
    }

    /// One element, or nil where it is not there.
    func find(_ element: Element) throws(EnforcementError) -> Found? {
        let set = element.set
        var message = NetlinkMessage(nftables: UInt16(NFT_MSG_GETSETELEM.rawValue), flags: 4, family: set.family.number)
        message.add(UInt16(NFTA_SET_ELEM_LIST_TABLE.rawValue), text: set.table)
        message.add(UInt16(NFTA_SET_ELEM_LIST_SET.rawValue), text: set.name)
        let value = NetlinkMessage.nested(UInt16(NFTA_SET_ELEM_KEY.rawValue), Self.data(element.address.bytes))
        message.add(
            UInt16(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue) | 0x8000,
            NetlinkMessage.nested(UInt16(NFTA_LIST_ELEM.rawValue), value))
        var found: Found?
        do {
            try request(message, set) { found = $0 }
        } catch {
            guard error.code == .missing else { throw error }
        }
        return found
    }

    /// A value that is not nested, within the attribute that holds data.
    private static func data(_ bytes: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt16(4 + bytes.count)) { Array($0) }
            + withUnsafeBytes(of: UInt16(NFTA_DATA_VALUE.rawValue)) { Array($0) } + bytes
    }

    private func request(
        _ message: NetlinkMessage, _ set: ElementSet, _ each: (Found) -> Void
    ) throws(EnforcementError) {
        do {
            try socket.request(message) { frame in
                let attributes = NetlinkAttributes(frame.payload, skipping: 4)
                guard let list = attributes.first(UInt16(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue)) else { return }
                for item in NetlinkAttributes(list) {
                    if let found = Self.parse(item.value) { each(found) }
                }
            }
        } catch {
            throw EnforcementError(error.code, "set \(set): \(error.message)")
        }
    }

    /// One element's attributes; nil for one without a key.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> Found? {
        var found = Found(key: [])
        for (type, value) in NetlinkAttributes(bytes) {
            switch UInt32(type) {
            case NFTA_SET_ELEM_KEY.rawValue:
                found.key = NetlinkAttributes(value).first(UInt16(NFTA_DATA_VALUE.rawValue)).map(Array.init) ?? []
            case NFTA_SET_ELEM_EXPIRATION.rawValue:
                found.expiration = Int64(clamping: value.number)
            case NFTA_SET_ELEM_USERDATA.rawValue:
                // Type 0, a length, text (libnftnl's udata).
                if value.count > 2, value[0] == 0 {
                    found.comment = UnsafeRawBufferPointer(rebasing: value[2...]).text
                }
            default: break
            }
        }
        return found.key.isEmpty ? nil : found
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
