extension Backend {
    /// This backend with sorted, unique lists, so that equal targets are equal values.
    ///
    /// - Throws: ``ModelError`` naming the field that cannot be.
    public func validated() throws(ModelError) -> Backend {
        var result = try checkedParts()
        result.ipv6Prefix = try checkedPrefix()
        return result
    }

    private func checkedParts() throws(ModelError) -> Backend {
        switch self {
        case .dryRun: .dryRun
        case .unknown(let value): throw ModelError(.invalidBackend, "this release \(value.fault)")
        case .nftablesSet(let set): .nftablesSet(try set.validated())
        case .nftablesGuard(let value): .nftablesGuard(try value.validated())
        case .ipset(let value): .ipset(try value.validated())
        case .haproxy(let value): .haproxy(try value.validated())
        case .script(let value): .script(try value.validated())
        case .allowList(let value): .allowList(try value.validated())
        }
    }

    /// The text that names the object that is opened: two Knocs with the same key on one agent share one target.
    /// A guard's trial is about how it is introduced and not part of what it is. An allow list is its Knoc's own, and so
    /// is a script with secrets, which are sealed for one Knoc.
    public func targetKey(of knoc: KnocID) -> String {
        switch self {
        case .allowList: targetKey + " \(knoc)"
        case .script(let script) where !script.sealed.isEmpty || !script.secrets.isEmpty: targetKey + " \(knoc)"
        default: targetKey
        }
    }

    /// The same, but for what one Knoc alone has.
    public var targetKey: String { objectKey + (ipv6Prefix.map { " ipv6=/\($0)" } ?? "") }

    private var objectKey: String {
        switch self {
        case .dryRun:
            return "dry-run"
        case .unknown(let value):
            return "unknown \(value.type)"
        case .nftablesSet(let set):
            let ports = (set.ports ?? []).map(String.init).joined(separator: ",")
            return "nftables set \(set.family.rawValue) \(set.table) \(set.ipv4 ?? "-") \(set.ipv6 ?? "-") "
                + "\(set.protocol?.rawValue ?? "-") \(ports)"
        case .nftablesGuard(let value):
            let ports = value.ports.map(String.init).joined(separator: ",")
            let destinations = value.destinations.map(\.description).joined(separator: ",")
            return "nftables guard \(value.protocol.rawValue) \(ports) forward=\(value.forward) "
                + "to=\(destinations) on=\(value.interfaces.joined(separator: ",")) loopback=\(value.loopback)"
        case .ipset(let value): return value.targetKey
        case .haproxy(let value): return value.targetKey
        case .script(let value): return value.targetKey
        case .allowList(let value): return value.targetKey
        }
    }

    /// What it lets members through to, where that is known.
    public var flows: FlowMatch? {
        switch self {
        case .dryRun, .unknown: nil
        case .nftablesGuard(let value): FlowMatch(protocol: value.protocol, ports: value.ports)
        case .nftablesSet(let value): value.protocol.map { FlowMatch(protocol: $0, ports: value.ports ?? []) }
        case .ipset(let value): value.flows
        case .haproxy(let value): value.flows
        case .script(let value): value.flows
        case .allowList(let value): value.flows
        }
    }

    /// Whether a guard: what stays closed when everything else is gone.
    public var isGuard: Bool {
        if case .nftablesGuard = self { true } else { false }
    }
}

extension NFTablesSet {
    func validated() throws(ModelError) -> NFTablesSet {
        guard ipv4 != nil || ipv6 != nil else {
            throw ModelError(.invalidBackend, "set: at least one of ipv4 and ipv6 must name a set")
        }
        try checkIdentifier(table, "set.table")
        if let ipv4 { try checkIdentifier(ipv4, "set.ipv4") }
        if let ipv6 { try checkIdentifier(ipv6, "set.ipv6") }
        if family == .ip, ipv6 != nil {
            throw ModelError(.invalidBackend, "set.ipv6: a table of family ip holds no IPv6 addresses")
        }
        if family == .ip6, ipv4 != nil {
            throw ModelError(.invalidBackend, "set.ipv4: a table of family ip6 holds no IPv4 addresses")
        }
        if (ports?.isEmpty == false) != (`protocol` != nil) {
            throw ModelError(.invalidBackend, "protocol and ports go together: give both or neither")
        }
        var result = self
        result.ports = try ports.flatMap { (list) throws(ModelError) in
            list.isEmpty ? nil : try checkedPorts(list, "ports")
        }
        return result
    }
}

extension NFTablesGuard {
    func validated() throws(ModelError) -> NFTablesGuard {
        guard !ports.isEmpty else { throw ModelError(.invalidBackend, "guard.ports: at least one port is needed") }
        if forward, destinations.isEmpty, interfaces.isEmpty {
            throw ModelError(
                .invalidBackend,
                "guard.forward: needs destinations or interfaces, else this host's networks could reach nobody's "
                    + "port \(ports[0])")
        }
        guard (0...3600).contains(trialSeconds) else {
            throw ModelError(.invalidBackend, "guard.trial_seconds: expected 0 to 3600 seconds, not \(trialSeconds)")
        }
        for name in interfaces { try checkInterface(name) }
        var result = self
        result.ports = try checkedPorts(ports, "guard.ports")
        result.destinations = Array(Set(destinations)).sorted { $0.description < $1.description }
        result.interfaces = Array(Set(interfaces)).sorted()
        return result
    }
}

func checkedPorts(_ ports: [UInt16], _ field: String) throws(ModelError) -> [UInt16] {
    guard !ports.contains(0) else { throw ModelError(.invalidBackend, "\(field): a port is 1 to 65535, not 0") }
    guard ports.count <= 64 else {
        throw ModelError(.invalidBackend, "\(field): at most 64 ports, not \(ports.count)")
    }
    return Array(Set(ports)).sorted()
}

/// Words of the nft grammar that cannot stand where a name is expected.
private let reservedWords: Set<String> = [
    "add", "accept", "all", "arp", "bridge", "chain", "chains", "continue", "counter", "ct", "daddr", "delete",
    "describe", "destroy", "dport", "drop", "dynamic", "element", "export", "fib", "flags", "flow", "flowtable",
    "flush",
    "get", "goto", "handle", "hook", "icmp", "iif", "iifname", "import", "inet", "insert", "interval", "ip", "ip6",
    "jump", "limit", "list", "log", "map", "maps", "mark", "meta", "monitor", "netdev", "oif", "oifname", "policy",
    "priority", "queue", "quota", "reject", "rename", "replace", "reset", "return", "rule", "ruleset", "saddr", "set",
    "sets", "size", "sport", "table", "tables", "tcp", "timeout", "type", "typeof", "udp", "vmap",
]

/// The only names that ever enter a command buffer: `[A-Za-z_][A-Za-z0-9_.-]{0,30}` and no reserved word.
func checkIdentifier(_ name: String, _ field: String) throws(ModelError) {
    let utf8 = Array(name.utf8)
    let letter = { (byte: UInt8) in (65...90).contains(byte) || (97...122).contains(byte) || byte == 95 }
    let inner = { (byte: UInt8) in letter(byte) || (48...57).contains(byte) || byte == 45 || byte == 46 }
    guard (1...31).contains(utf8.count), letter(utf8[0]), utf8.dropFirst().allSatisfy(inner) else {
        throw ModelError(
            .invalidIdentifier,
            "\(field): \"\(name)\" is not a name; expected a letter or _, then up to 30 letters, digits, _ . or -")
    }
    guard !reservedWords.contains(name) else {
        throw ModelError(.invalidIdentifier, "\(field): \"\(name)\" is a reserved word of nftables")
    }
}

/// An absolute path of characters that need no quoting anywhere, without `..`.
func checkPath(_ path: String, _ field: String) throws(ModelError) {
    let fits = path.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
            || [43, 45, 46, 47, 58, 64, 95].contains($0)
    }
    let parts = path.split(separator: "/", omittingEmptySubsequences: true)
    guard path.first == "/", path.utf8.count <= 255, fits, !parts.isEmpty, !parts.contains(".."), !parts.contains(".")
    else {
        throw ModelError(
            .invalidIdentifier,
            "\(field): \"\(path)\" is not a path; expected an absolute one of letters, digits and _ . - + : @, "
                + "without .., at most 255 bytes")
    }
}

/// An interface name as the kernel takes it (at most 15 bytes), of characters that need no quoting.
private func checkInterface(_ name: String) throws(ModelError) {
    let fits = name.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || [45, 46, 64, 95].contains($0)
    }
    guard (1...15).contains(name.utf8.count), fits else {
        throw ModelError(.invalidIdentifier, "guard.interfaces: \"\(name)\" is not an interface name")
    }
}
