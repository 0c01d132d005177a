extension Backend {
    /// Prefix lengths that stand for one client: nobody is given more than a /32.
    public static let ipv6Prefixes = 32...128

    /// How many leading bits of an IPv6 address stand for one client: its network is let in with it. Nil is all 128.
    public var ipv6Prefix: Int? {
        get {
            switch self {
            case .nftablesSet(let value): value.ipv6Prefix
            case .nftablesGuard(let value): value.ipv6Prefix
            case .ipset(let value): value.ipv6Prefix
            case .haproxy(let value): value.ipv6Prefix
            case .script(let value): value.ipv6Prefix
            case .allowList(let value): value.ipv6Prefix
            case .dryRun, .unknown: nil
            }
        }
        set {
            switch self {
            case .nftablesSet(var value):
                value.ipv6Prefix = newValue
                self = .nftablesSet(value)
            case .nftablesGuard(var value):
                value.ipv6Prefix = newValue
                self = .nftablesGuard(value)
            case .ipset(var value):
                value.ipv6Prefix = newValue
                self = .ipset(value)
            case .haproxy(var value):
                value.ipv6Prefix = newValue
                self = .haproxy(value)
            case .script(var value):
                value.ipv6Prefix = newValue
                self = .script(value)
            case .allowList(var value):
                value.ipv6Prefix = newValue
                self = .allowList(value)
            case .dryRun, .unknown: break
            }
        }
    }

    /// What is let in for a client: its address, or the network that stands for it.
    public func network(of address: IPAddress) -> CIDR { CIDR(address, ipv6Prefix: ipv6Prefix) }

    func checkedPrefix() throws(ModelError) -> Int? {
        guard let ipv6Prefix, ipv6Prefix != 128 else { return nil }
        guard Self.ipv6Prefixes.contains(ipv6Prefix) else {
            throw ModelError(
                .invalidBackend,
                "ipv6_prefix: expected \(Self.ipv6Prefixes.lowerBound) to \(Self.ipv6Prefixes.upperBound) bits, not "
                    + "\(ipv6Prefix)")
        }
        return ipv6Prefix
    }

    /// The word by which a Knoc says that its node must know prefixes.
    public static let prefixFeature = "ipv6_prefix"
}

extension CIDR {
    /// An address, or the IPv6 network of so many leading bits that it is in; nil is all 128.
    public init(_ address: IPAddress, ipv6Prefix: Int?) {
        let length = address.family == .v6 ? ipv6Prefix ?? 128 : 32
        self = CIDR(containing: address, length: length) ?? CIDR(address)
    }

    /// `address/length`, or the address alone where the network has no other.
    public var shortest: String { length == address.family.bits ? address.description : description }
}
