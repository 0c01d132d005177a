/// An IPv4 or IPv6 address in its canonical form: an IPv4-mapped IPv6 address is the IPv4 address (RFC 4291 §2.5.5.2).
public enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(UInt128)

    public enum Family: String, Hashable, Sendable, CaseIterable {
        case v4 = "ipv4"
        case v6 = "ipv6"

        /// The number of bits of an address of this family.
        public var bits: Int { self == .v4 ? 32 : 128 }
    }

    public var family: Family {
        switch self {
        case .v4: .v4
        case .v6: .v6
        }
    }

    /// Sixteen or four bytes in network order; sixteen that hold an IPv4-mapped address become IPv4.
    ///
    /// - Returns: nil for any other count of bytes.
    public init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16: self = Self(v6: bytes.reduce(0) { $0 << 8 | UInt128($1) })
        default: return nil
        }
    }

    /// The address of a 128-bit value; IPv4-mapped values become IPv4.
    public init(v6 value: UInt128) {
        self = value >> 32 == 0xffff ? .v4(UInt32(truncatingIfNeeded: value)) : .v6(value)
    }

    /// The bytes in network order: four or sixteen.
    public var bytes: [UInt8] {
        switch self {
        case .v4(let value): stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
        case .v6(let value): stride(from: 120, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
        }
    }

    /// The value in the low bits.
    public var value: UInt128 {
        switch self {
        case .v4(let value): UInt128(value)
        case .v6(let value): value
        }
    }

    init(family: Family, value: UInt128) {
        self = family == .v4 ? .v4(UInt32(truncatingIfNeeded: value)) : Self(v6: value)
    }
}

extension IPAddress: Comparable {
    public static func < (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.v4(let one), .v4(let two)): one < two
        case (.v6(let one), .v6(let two)): one < two
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }
}
