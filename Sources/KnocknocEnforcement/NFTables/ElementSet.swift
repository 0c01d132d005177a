import KnocknocModel

/// A set in the kernel that holds addresses of one family.
enum ElementSet: Hashable, Sendable, CustomStringConvertible {
    /// Of nftables.
    case table(TableSet)
    /// Of ipset(8).
    case ipset(IPSet)

    init(family: NFTablesSet.Family, table: String, name: String, addresses: IPAddress.Family, isOurs: Bool) {
        self = .table(
            TableSet(family: family, table: table, name: name, addresses: addresses, isOurs: isOurs))
    }

    var name: String {
        switch self {
        case .table(let set): set.name
        case .ipset(let set): set.name
        }
    }

    var addresses: IPAddress.Family {
        switch self {
        case .table(let set): set.addresses
        case .ipset(let set): set.addresses
        }
    }

    /// Whether it holds those whose access has just ended, instead of those who have it.
    var blocks: Bool {
        if case .ipset(let set) = self { set.blocks } else { false }
    }

    var table: TableSet? {
        if case .table(let set) = self { set } else { nil }
    }

    var description: String {
        switch self {
        case .table(let set): set.description
        case .ipset(let set): set.description
        }
    }
}

/// A place in a set.
struct Element: Hashable, Sendable {
    var set: ElementSet
    var address: IPAddress
}

/// An element as the kernel holds it.
struct FoundElement: Hashable {
    /// As the kernel writes it: an address, or the parts of a flow.
    var key: [UInt8]
    /// Milliseconds until it leaves, not less than the kernel counts; nil for one that stays.
    var expiration: Int64?
    /// Whether this program put it there; others' are left alone.
    var isOurs: Bool
    /// Whether it is there to keep the address out of the set.
    var excludes = false
}
