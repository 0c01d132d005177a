import KnocknocModel

/// How one agent opens one Knoc, in words.
enum BackendText {
    static func summary(_ backend: Backend) -> String {
        switch backend {
        case .dryRun: "Dry run: changes nothing"
        case .unknown(let value): "\(value.type): of a newer release"
        case .nftablesGuard(let value): guardText(value)
        case .nftablesSet(let value): setText(value)
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
