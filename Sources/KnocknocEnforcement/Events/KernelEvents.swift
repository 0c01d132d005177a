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
    init(_ bytes: UnsafeRawBufferPointer, isOurs: (UInt32) -> Bool) {
        var judged: (port: UInt32, ours: Bool)?
        for frame in NetlinkFrames(bytes) where frame.type >> 8 == 10 {
            guard let name = Self.table(frame) else { continue }
            if judged?.port != frame.port { judged = (frame.port, isOurs(frame.port)) }
            guard judged?.ours == false else { continue }
            let family = frame.payload.first ?? 0
            if name == OwnTable.name, family == NFTablesSet.Family.inet.number {
                own = true
            } else {
                tables.insert(Table(family: family, name: name))
            }
        }
    }

    init() {}

    /// The table of a change to a table, chain, rule, set or element; its name is attribute 1 of each.
    private static func table(_ frame: NetlinkFrame) -> String? {
        let command = UInt32(frame.type & 0xff)
        guard command <= NFT_MSG_DELSETELEM.rawValue else { return nil }
        return NetlinkAttributes(frame.payload, skipping: 4).first(UInt16(NFTA_TABLE_NAME.rawValue))?.text
    }
}
