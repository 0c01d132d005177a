import KnocknocModel

/// A set of nftables.
struct TableSet: Hashable, Sendable, CustomStringConvertible {
    var family: NFTablesSet.Family
    var table: String
    var name: String
    var addresses: IPAddress.Family
    /// Whether in our own table; elsewhere elements carry our comment and others' are left alone.
    var isOurs: Bool

    /// Our set of cut flows.
    static func cut(_ family: IPAddress.Family) -> TableSet {
        TableSet(
            family: .inet, table: OwnTable.name, name: FlowSet(family).name, addresses: family, isOurs: true)
    }

    /// As nft(8) names it: `inet filter allowed`.
    var description: String { "\(family.rawValue) \(table) \(name)" }
}
