import CMnl
import KnocknocModel

/// What others changed in the packet filter, read from the kernel's notifications.
struct KernelEvents: Hashable, Sendable {
    /// Our own table or a part of it.
    var own = false
    /// Notifications were lost: anything may have changed.
    var lost = false
    /// Other tables of which a set, or the table itself, changed.
    var tables: Set<Table> = []

    struct Table: Hashable, Sendable {
        var family: UInt8
        var name: String
    }

    var isEmpty: Bool { !own && !lost && tables.isEmpty }

    mutating func merge(_ other: KernelEvents) {
        own = own || other.own
        lost = lost || other.lost
        tables.formUnion(other.tables)
    }

    /// - Parameter isOurs: whether the port of a netlink socket belongs to this process.
    init(_ messages: NetlinkMessages, isOurs: (UInt32) -> Bool) {
        var judged: (port: UInt32, ours: Bool)?
        for message in messages where Int32(message.pointee.nlmsg_type >> 8) == NFNL_SUBSYS_NFTABLES {
            guard let name = Self.table(message), let family = message.fixed(nfgenmsg.self)?.nfgen_family else {
                continue
            }
            let port = message.pointee.nlmsg_pid
            if judged?.port != port { judged = (port, isOurs(port)) }
            guard judged?.ours == false else { continue }
            if name == OwnTable.name, family == NFTablesSet.Family.inet.number {
                own = true
            } else {
                tables.insert(Table(family: family, name: name))
            }
        }
    }

    init() {}

    /// The table of a change to a table, chain, rule, set or element; its name is attribute 1 of each.
    private static func table(_ message: UnsafePointer<nlmsghdr>) -> String? {
        guard UInt32(message.pointee.nlmsg_type & 0xff) <= NFT_MSG_DELSETELEM.rawValue else { return nil }
        var name: String?
        withUnsafeMutablePointer(to: &name) { name in
            _ = mnl_attr_parse(
                message, UInt32(MemoryLayout<nfgenmsg>.size),
                { attribute, name in
                    guard mnl_attr_get_type(attribute) == UInt16(NFTA_TABLE_NAME.rawValue) else { return MNL_CB_OK }
                    if mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0, let text = mnl_attr_get_str(attribute) {
                        name?.assumingMemoryBound(to: String?.self).pointee = String(cString: text)
                    }
                    return MNL_CB_STOP
                }, name)
        }
        return name
    }
}
