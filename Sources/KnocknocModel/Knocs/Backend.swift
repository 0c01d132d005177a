/// How one agent opens one Knoc: the object in its kernel or proxy, as the administrator names it.
public enum Backend: Hashable, Sendable {
    /// Members of existing sets that the administrator's own ruleset uses.
    case nftablesSet(NFTablesSet)
    /// Ports that the agent itself closes to all but members.
    case nftablesGuard(NFTablesGuard)
    /// Members of existing sets of ipset(8).
    case ipset(IPSetBackend)
    /// A map or an access list of a HAProxy on the agent's machine.
    case haproxy(HAProxyBackend)
    /// A program of the administrator's.
    case script(ScriptBackend)
    /// A list that other devices fetch.
    case allowList(AllowListBackend)
    /// Nothing is changed anywhere; states say so.
    case dryRun
    /// Of a newer release: kept and handed on as it came, and refused by whoever would have to do it.
    case unknown(UnknownBackend)

    /// The types that this build knows.
    static let types = ["nftables", "ipset", "haproxy", "script", "allow_list", "dry-run"]
}

/// A transport protocol that a backend can match.
public enum TransportProtocol: String, Hashable, Sendable, Codable, CaseIterable {
    case tcp, udp
}

public struct NFTablesSet: Hashable, Sendable, Codable {
    /// A table's family in nft(8).
    public enum Family: String, Hashable, Sendable, Codable {
        case inet, ip, ip6
    }

    public var family: Family
    public var table: String
    /// The names of the sets for each address family; at least one.
    public var ipv4: String?
    public var ipv6: String?
    /// What the rules that use the set let through; without it established flows are not cut when access ends.
    public var `protocol`: TransportProtocol?
    /// Ports 1 to 65535 of `protocol`.
    public var ports: [UInt16]?
    /// See ``Backend/ipv6Prefix``; the rules that use the set mask the address as well.
    public var ipv6Prefix: Int?

    public init(
        family: Family, table: String, ipv4: String?, ipv6: String?, protocol: TransportProtocol? = nil,
        ports: [UInt16]? = nil
    ) {
        self.family = family
        self.table = table
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.protocol = `protocol`
        self.ports = ports
    }
}

public struct NFTablesGuard: Hashable, Sendable {
    public var `protocol`: TransportProtocol
    /// Ports 1 to 65535 as the client types them, before any destination NAT.
    public var ports: [UInt16]
    /// Whether packets to other hosts are guarded too; demands `destinations` or `interfaces`.
    public var forward: Bool
    /// Only packets to these networks; empty means this host's own addresses.
    public var destinations: [CIDR]
    /// Only packets that arrive on these interfaces; empty means all.
    public var interfaces: [String]
    /// Whether connections from this host to itself are guarded too.
    public var loopback: Bool
    /// How long a new or widened guard stays without an administrator's confirmation, in seconds; 0 skips the trial.
    public var trialSeconds: Int
    /// See ``Backend/ipv6Prefix``.
    public var ipv6Prefix: Int?

    public init(
        protocol: TransportProtocol, ports: [UInt16], forward: Bool = false, destinations: [CIDR] = [],
        interfaces: [String] = [], loopback: Bool = false, trialSeconds: Int = 60
    ) {
        self.protocol = `protocol`
        self.ports = ports
        self.forward = forward
        self.destinations = destinations
        self.interfaces = interfaces
        self.loopback = loopback
        self.trialSeconds = trialSeconds
    }
}
