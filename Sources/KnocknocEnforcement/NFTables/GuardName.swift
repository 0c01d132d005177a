import KnocknocModel

/// The names of one guard's chains and sets: a letter or two for what it is, then the target's identifier in base 32,
/// so that they are found again after a restart.
struct GuardName: Hashable, Sendable, Comparable {
    let text: String

    private static let digits = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
    private static let length = 26

    init(_ target: TargetID) {
        var bytes: [UInt8] = []
        for index in 0..<Self.length {
            let shift = 128 - 5 * (index + 1)
            let digit = shift >= 0 ? target.value >> UInt128(shift) : target.value << UInt128(-shift)
            bytes.append(Self.digits[Int(digit & 31)])
        }
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// The guard that a chain's name with this prefix belongs to.
    init?(chain name: String, prefix: String) {
        guard name.hasPrefix(prefix) else { return nil }
        let rest = name.dropFirst(prefix.count)
        guard rest.utf8.count == Self.length, rest.utf8.allSatisfy(Self.digits.contains) else { return nil }
        text = String(rest)
    }

    /// Accepts members on their way in.
    var ingressAccept: String { "ia_" + text }
    /// Drops everybody else on their way in.
    var ingressDrop: String { "id_" + text }
    var egressAccept: String { "ea_" + text }
    var egressDrop: String { "ed_" + text }
    /// An empty chain: the administrator of this host took the guard away, whatever a server says.
    var mark: String { "un_" + text }
    var chains: [String] { [ingressAccept, ingressDrop, egressAccept, egressDrop] }

    func set(_ family: IPAddress.Family) -> TableSet {
        TableSet(
            family: .inet, table: OwnTable.name, name: (family == .v4 ? "g4_" : "g6_") + text, addresses: family,
            isOurs: true)
    }

    static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}
