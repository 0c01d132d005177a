/// Sets of ipset(8) that rules of iptables or of another tool use.
public struct IPSetBackend: Hashable, Sendable {
    /// The names of the sets for each address family; at least one.
    public var ipv4: String?
    public var ipv6: String?
    /// Sets of addresses whose access has just ended, for rules that drop them before they accept established flows.
    public var blockIPv4: String?
    public var blockIPv6: String?
    public var flows: FlowMatch?
    /// See ``Backend/ipv6Prefix``.
    public var ipv6Prefix: Int?

    public init(
        ipv4: String?, ipv6: String?, blockIPv4: String? = nil, blockIPv6: String? = nil, flows: FlowMatch? = nil
    ) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.blockIPv4 = blockIPv4
        self.blockIPv6 = blockIPv6
        self.flows = flows
    }

    func validated() throws(ModelError) -> IPSetBackend {
        guard ipv4 != nil || ipv6 != nil else {
            throw ModelError(.invalidBackend, "ipset: at least one of ipv4 and ipv6 must name a set")
        }
        let names = [
            ("ipset.ipv4", ipv4), ("ipset.ipv6", ipv6), ("ipset.block_ipv4", blockIPv4),
            ("ipset.block_ipv6", blockIPv6),
        ]
        var seen: [String: String] = [:]
        for case (let field, let name?) in names {
            try checkIdentifier(name, field)
            if let other = seen.updateValue(field, forKey: name) {
                throw ModelError(.invalidBackend, "\(field): \"\(name)\" is the set of \(other) already")
            }
        }
        if blockIPv4 != nil, ipv4 == nil {
            throw ModelError(.invalidBackend, "ipset.block_ipv4: needs ipv4, whose addresses it takes when they leave")
        }
        if blockIPv6 != nil, ipv6 == nil {
            throw ModelError(.invalidBackend, "ipset.block_ipv6: needs ipv6, whose addresses it takes when they leave")
        }
        var result = self
        result.flows = try flows?.validated()
        return result
    }

    var targetKey: String {
        "ipset \(ipv4 ?? "-") \(ipv6 ?? "-") \(blockIPv4 ?? "-") \(blockIPv6 ?? "-") \(flows?.key ?? "-")"
    }
}
