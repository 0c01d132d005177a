import KnocknocModel

/// How one agent opens one Knoc, in words.
enum BackendText {
    static func summary(_ backend: Backend) -> String {
        object(backend) + (backend.ipv6Prefix.map { ", IPv6 by /\($0)" } ?? "")
    }

    private static func object(_ backend: Backend) -> String {
        switch backend {
        case .dryRun: "Dry run: changes nothing"
        case .unknown(let value): "\(value.type): of a newer release"
        case .nftablesGuard(let value): guardText(value)
        case .nftablesSet(let value): setText(value)
        case .ipset(let value):
            "Members of \([value.ipv4, value.ipv6].compactMap(\.self).joined(separator: " and ")) (ipset)"
                + flows(backend)
        case .haproxy(let value): haproxyText(value) + flows(backend)
        case .script(let value): "Script \(value.path), list \(value.name)" + flows(backend)
        case .allowList: "Allow list that devices fetch" + flows(backend)
        }
    }

    /// Which of the backends it is.
    static func kind(_ backend: Backend) -> String {
        switch backend {
        case .dryRun: "dry run"
        case .unknown(let value): value.type
        case .nftablesGuard, .nftablesSet: "nftables"
        case .ipset: "ipset"
        case .haproxy: "HAProxy"
        case .script: "script"
        case .allowList: "allow list"
        }
    }

    private static func flows(_ backend: Backend) -> String {
        backend.flows.map { ", \(ports($0.protocol, $0.ports))" } ?? ""
    }

    private static func haproxyText(_ value: HAProxyBackend) -> String {
        switch value.list {
        case .map(let name): "HAProxy's map \(name)"
        case .acl(let name): "HAProxy's access list \(name)"
        }
    }

    static func ports(_ protocol: TransportProtocol, _ ports: [UInt16]) -> String {
        "\(`protocol`.rawValue) \(ports.map(String.init).joined(separator: ", "))"
    }

    private static func guardText(_ value: NFTablesGuard) -> String {
        var text = "Guards \(ports(value.protocol, value.ports))"
        if !value.destinations.isEmpty {
            text += " to \(value.destinations.map(\.description).joined(separator: ", "))"
        }
        if !value.interfaces.isEmpty { text += " on \(value.interfaces.joined(separator: ", "))" }
        if value.forward { text += ", forwarded packets too" }
        if value.loopback { text += ", loopback too" }
        return text
    }

    private static func setText(_ value: NFTablesSet) -> String {
        let sets = [value.ipv4, value.ipv6].compactMap(\.self).joined(separator: " and ")
        let text = "Members of \(sets) in table \(value.family.rawValue) \(value.table)"
        guard let transport = value.protocol, let list = value.ports else { return text }
        return text + " (\(ports(transport, list)))"
    }
}
