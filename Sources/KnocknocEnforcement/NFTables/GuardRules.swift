import KnocknocModel

/// A guard's four chains as rule texts: by what we know of it, or as they were found in the kernel.
struct GuardRules: Hashable, Sendable {
    var name: GuardName
    /// Rules by the name of their chain.
    var chains: [String: [String]]

    /// The rules of a guard. Packets in are matched at prerouting before any destination NAT, packets out at
    /// postrouting after it has been undone, so both are seen with the port that the client typed; nothing passes for
    /// being established.
    ///
    /// - Throws: ``EnforcementError`` for a value that breaks the model's rules, which are what makes a rule's text
    ///   safe.
    init(_ target: TargetID, _ value: NFTablesGuard) throws(EnforcementError) {
        let value = try value.checked()
        let name = GuardName(target)
        let scopes = Self.scopes(value)
        let (proto, ports) = (value.protocol.rawValue, braced(value.ports.map(String.init)))
        let members = IPAddress.Family.allCases.map { ($0.keyword, $0.mask(value.ipv6Prefix), name.set($0).name) }
        var rules: [String: [String]] = [:]
        for scope in scopes {
            let inward = "\(proto) dport \(ports)\(scope.inward)"
            let outward = "\(proto) sport \(ports)\(scope.outward)"
            for (keyword, mask, set) in members where scope.family?.keyword ?? keyword == keyword {
                rules[name.ingressAccept, default: []].append("\(inward) \(keyword) saddr\(mask) @\(set) accept")
                rules[name.egressAccept, default: []].append("\(outward) \(keyword) daddr\(mask) @\(set) accept")
            }
            rules[name.ingressDrop, default: []].append("\(inward) drop")
            rules[name.egressDrop, default: []].append("\(outward) drop")
        }
        self.init(name: name, found: rules)
    }

    /// A guard of which only the kernel's own listing is left.
    init(name: GuardName, found chains: [String: [String]]) {
        self.name = name
        self.chains = chains
    }

    private struct Scope {
        var family: IPAddress.Family?
        var inward = ""
        var outward = ""
    }

    private static func scopes(_ value: NFTablesGuard) -> [Scope] {
        var base = Scope()
        if !value.forward {
            // Datagrams reach a service by broadcast and multicast too.
            let types = value.protocol == .udp ? "{ local, broadcast, anycast, multicast }" : "local"
            base.inward += " fib daddr type \(types)"
            base.outward += " fib saddr type local"
        }
        if !value.interfaces.isEmpty {
            let names = braced(value.interfaces.map { "\"\($0)\"" })
            base.inward += " iifname \(names)"
            base.outward += " oifname \(names)"
        }
        if !value.loopback {
            base.inward += " iifname != \"lo\""
            base.outward += " oifname != \"lo\""
        }
        guard !value.destinations.isEmpty else { return [base] }
        return IPAddress.Family.allCases.compactMap { family in
            let networks = CIDR.disjoint(value.destinations.filter { $0.address.family == family })
            guard !networks.isEmpty else { return nil }
            let list = braced(networks.map(\.description))
            return Scope(
                family: family, inward: base.inward + " \(family.keyword) daddr \(list)",
                outward: base.outward + " \(family.keyword) saddr \(list)")
        }
    }
}

extension NFTablesGuard {
    fileprivate func checked() throws(EnforcementError) -> NFTablesGuard {
        let backend: Backend
        do throws(ModelError) { backend = try Backend.nftablesGuard(self).validated() } catch {
            throw EnforcementError(.refused, error.message)
        }
        guard case .nftablesGuard(let value) = backend else { return self }
        return value
    }
}

extension IPAddress.Family {
    /// The word for this family's header in a rule.
    var keyword: String { self == .v4 ? "ip" : "ip6" }

    /// What makes an address its network, behind the address in a rule: the set stays one of single addresses.
    func mask(_ ipv6Prefix: Int?) -> String {
        guard self == .v6, let ipv6Prefix else { return "" }
        return " & \(CIDR(.v6(.max), ipv6Prefix: ipv6Prefix).address)"
    }
}

extension CIDR {
    /// The networks that are in no other of them: nft refuses overlapping intervals.
    static func disjoint(_ networks: [CIDR]) -> [CIDR] {
        Array(Set(networks)).filter { one in !networks.contains { $0 != one && $0.contains(one) } }
            .sorted { ($0.address, $0.length) < ($1.address, $1.length) }
    }
}

func braced(_ words: [String]) -> String { "{ " + words.joined(separator: ", ") + " }" }
