/// A network in CIDR notation, `address/length`, with no host bits set (RFC 4632).
public struct CIDR: Hashable, Sendable {
    public let address: IPAddress
    /// The number of leading bits that name the network: 0 to 32, or 0 to 128.
    public let length: Int

    /// - Returns: nil where the length does not fit the family or host bits are set.
    public init?(address: IPAddress, length: Int) {
        guard (0...address.family.bits).contains(length) else { return nil }
        guard address.value & Self.hostMask(address.family, length) == 0 else { return nil }
        self.address = address
        self.length = length
    }

    /// The network of one address.
    public init(_ address: IPAddress) {
        self.address = address
        length = address.family.bits
    }

    /// The network of `length` bits that `address` is in.
    public init?(containing address: IPAddress, length: Int) {
        guard (0...address.family.bits).contains(length) else { return nil }
        self.address = IPAddress(
            family: address.family, value: address.value & ~Self.hostMask(address.family, length))
        self.length = length
    }

    public func contains(_ other: IPAddress) -> Bool {
        other.family == address.family
            && (other.value ^ address.value) & ~Self.hostMask(address.family, length) == 0
    }

    public func contains(_ other: CIDR) -> Bool { other.length >= length && contains(other.address) }

    public func overlaps(_ other: CIDR) -> Bool { contains(other.address) || other.contains(address) }

    private static func hostMask(_ family: IPAddress.Family, _ length: Int) -> UInt128 {
        let bits = family.bits - length
        return bits == 128 ? .max : (UInt128(1) << bits) - 1
    }
}
