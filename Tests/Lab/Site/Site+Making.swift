/// Which way of closing a port a test is about: the agent's own, or sets that the administrator's firewall uses.
public enum GuardForm: String, CaseIterable, Sendable {
    case `guard`, set, ipset
}

extension Site {
    /// A Knoc's backend on the gateway for a TCP port, and for the set form the ruleset that uses the set.
    public func backend(_ form: GuardForm, port: Int, set: String = "allowed") async throws -> JSON {
        switch form {
        case .guard:
            return [
                "type": "nftables",
                "guard": ["protocol": "tcp", "ports": [JSON.number(Double(port))], "trial_seconds": 0],
            ]
        case .set:
            try await makeSet(set, port: port)
            return [
                "type": "nftables",
                "set": [
                    "family": "inet", "table": "site", "ipv4": .string(set + "4"), "ipv6": .string(set + "6"),
                ],
                "protocol": "tcp", "ports": [.number(Double(port))],
            ]
        case .ipset:
            try await makeIPSets(set, port: port)
            return [
                "type": "ipset", "ipset": ["ipv4": .string(set + "4"), "ipv6": .string(set + "6")],
                "protocol": "tcp", "ports": [.number(Double(port))],
            ]
        }
    }

    /// The same firewall as ``makeSet(_:port:)``, in iptables.
    private func makeIPSets(_ name: String, port: Int) async throws {
        for (version, family, iptables) in [("4", "inet", "iptables"), ("6", "inet6", "ip6tables")] {
            try await gateway.run(
                ["ipset", "create", name + version, "hash:ip", "family", family, "timeout", "60", "comment"])
            for rule in [
                "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                "-p tcp --dport \(port) -m set --match-set \(name + version) src -j ACCEPT",
                "-p tcp --dport \(port) -j DROP",
            ] {
                try await gateway.run([iptables, "-w", "-A", "INPUT"] + rule.split(separator: " ").map(String.init))
            }
        }
    }

    /// The administrator's own firewall, with the usual rule for what is established before the sets.
    public func makeSet(_ name: String, port: Int) async throws {
        try await gateway.nft(
            """
            table inet site {
                set \(name)4 { type ipv4_addr; flags timeout; }
                set \(name)6 { type ipv6_addr; flags timeout; }
                chain input {
                    type filter hook input priority 0; policy accept;
                    ct state established,related accept
                    tcp dport \(port) ip saddr @\(name)4 accept
                    tcp dport \(port) ip6 saddr @\(name)6 accept
                    tcp dport \(port) drop
                }
            }

            """)
    }
}
