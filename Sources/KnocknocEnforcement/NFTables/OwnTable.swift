import KnocknocModel

/// Our table `inet knocknoc` as commands that may be run on top of any earlier state of it: everything is added, and
/// a chain is flushed only in the transaction that fills it again.
struct OwnTable: Sendable {
    static let name = "knocknoc"

    var guards: [GuardRules] = []
    /// Guards that the administrator of this host took away.
    var marks: [GuardName] = []
    /// Where the table is written for the next boot, where that is known.
    var bootFile: BootFile?
    /// Rules that let in, and answers out to, networks that are never kept out.
    var allowing: (ingress: [String], egress: [String])

    init(
        guards: [GuardRules] = [], marks: [GuardName] = [], alwaysAllow: [CIDR] = [], bootFile: BootFile? = nil
    ) {
        self.bootFile = bootFile
        self.guards = guards
        self.marks = marks
        allowing = (Self.allowed(alwaysAllow, "saddr"), Self.allowed(alwaysAllow, "daddr"))
    }

    /// The table as it was found.
    init(_ listing: TableListing) {
        guards = listing.guards
        marks = listing.marks
        bootFile = listing.bootFile
        let found = { (chain: String, end: String) in
            (listing.chains[chain] ?? []).filter { Self.isAllowing($0, end) }
        }
        allowing = (found("ingress", "saddr"), found("egress", "daddr"))
    }

    /// Commands that make the kernel's table equal to this one, apart from the elements of sets.
    var commands: String { commands(withRules: true) }

    /// Commands for a table that was found: which guards and marks there are. What the kernel says of their rules and of
    /// the boot file stays as it is there and is in no command: whoever may change the packet filter wrote it, and root
    /// may be who runs them.
    var naming: String { commands(withRules: false) }

    private func commands(withRules: Bool) -> String {
        let table = "inet \(Self.name)"
        var lines = ["add table \(table)"]
        lines += FlowSet.allCases.map {
            "add set \(table) \($0.name) { type \($0.type); flags timeout; timeout \(FlowSet.seconds)s; }"
        }
        lines.append("add chain \(table) ingress { type filter hook prerouting priority -150; policy accept; }")
        lines.append("add chain \(table) egress { type filter hook postrouting priority 150; policy accept; }")
        for item in guards {
            for family in IPAddress.Family.allCases {
                let type = family == .v4 ? "ipv4_addr" : "ipv6_addr"
                lines.append("add set \(item.name.set(family)) { type \(type); flags timeout; timeout 1m; }")
            }
            lines += item.name.chains.map { "add chain \(table) \($0)" }
        }
        if withRules, let bootFile {
            lines += ["add chain \(table) \(BootFile.chain)", "flush chain \(table) \(BootFile.chain)"]
            lines += bootFile.rules.map { "add rule \(table) \(BootFile.chain) \($0)" }
        }
        lines += marks.map { "add chain \(table) \($0.mark)" }
        for item in guards where withRules {
            for chain in item.name.chains {
                lines.append("flush chain \(table) \(chain)")
                lines += (item.chains[chain] ?? []).map { "add rule \(table) \(chain) \($0)" }
            }
        }
        lines.append("flush chain \(table) ingress")
        lines += ingress.map { "add rule \(table) ingress \($0)" }
        lines.append("flush chain \(table) egress")
        lines += egress.map { "add rule \(table) egress \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Commands that take guards away, to be run after ``commands`` of a table without them.
    static func removing(_ names: [GuardName]) -> String {
        var lines: [String] = []
        for name in names {
            lines += name.chains.map { "add chain inet \(Self.name) \($0)\nflush chain inet \(Self.name) \($0)" }
            lines += name.chains.map { "delete chain inet \(Self.name) \($0)" }
            for family in IPAddress.Family.allCases {
                let type = family == .v4 ? "ipv4_addr" : "ipv6_addr"
                lines.append("add set \(name.set(family)) { type \(type); flags timeout; timeout 1m; }")
                lines.append("delete set \(name.set(family))")
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private var ingress: [String] {
        allowing.ingress
            + FlowSet.allCases.map { "\($0.keyword) saddr . meta l4proto . th sport . th dport @\($0.name) drop" }
            // Answers to what this host's own masquerade sent out under a port that happens to be guarded.
            + ["ct direction reply ct status snat accept"]
            + guards.map { "jump \($0.name.ingressAccept)" } + guards.map { "jump \($0.name.ingressDrop)" }
    }

    private var egress: [String] {
        allowing.egress
            + FlowSet.allCases.map { "\($0.keyword) daddr . meta l4proto . th dport . th sport @\($0.name) drop" }
            + ["ct direction original ct status snat accept"]
            + guards.map { "jump \($0.name.egressAccept)" } + guards.map { "jump \($0.name.egressDrop)" }
    }

    /// Whether a rule that was found lets in, or answers out to, some networks, and says nothing else.
    private static func isAllowing(_ rule: String, _ end: String) -> Bool {
        IPAddress.Family.allCases.contains { family in
            let (start, verdict) = ("\(family.keyword) \(end) ", " accept")
            guard rule.hasPrefix(start), rule.hasSuffix(verdict) else { return false }
            return rule.utf8.dropFirst(start.utf8.count).dropLast(verdict.utf8.count)
                .allSatisfy("0123456789abcdef.:/-,{} ".utf8.contains)
        }
    }

    private static func allowed(_ networks: [CIDR], _ end: String) -> [String] {
        IPAddress.Family.allCases.compactMap { family in
            let networks = CIDR.disjoint(networks.filter { $0.address.family == family })
            return networks.isEmpty
                ? nil : "\(family.keyword) \(end) \(braced(networks.map(\.description))) accept"
        }
    }
}
