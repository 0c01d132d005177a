// The JSON of the API and of the agent's protocol:
// {"type":"nftables","set":{…}}, {"type":"nftables","guard":{…}}, {"type":"ipset","ipset":{…}}, {"type":"haproxy","haproxy":{…}},
// {"type":"script","script":{…}}, {"type":"allow_list"}, {"type":"dry-run"}; protocol and ports stand beside the object, but for a
// guard, which has its own; ipv6_prefix beside any of them.

extension Backend: Codable {
    private enum Keys: String, CodingKey, CaseIterable {
        case type, set, `guard`, ipset, haproxy, script, `protocol`, ports
        case allowList = "allow_list"
        case ipv6Prefix = "ipv6_prefix"

        /// What stands with any type.
        static let common: Set<Keys> = [.type, .protocol, .ports, .ipv6Prefix]
    }

    private struct SetFields: Codable {
        enum CodingKeys: String, CodingKey, CaseIterable {
            case family, table, ipv4, ipv6
        }

        var family: NFTablesSet.Family
        var table: String
        var ipv4: String?
        var ipv6: String?
    }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(Keys.self)
        let fields = try decoder.container(keyedBy: Keys.self)
        let type = try fields.decode(String.self, forKey: .type)
        if let own = Keys(stringValue: type), own != .set, own != .guard {
            try fields.refuse(beside: own, Keys.common, of: type)
        }
        switch type {
        case "dry-run":
            self = .dryRun
        case "ipset":
            var value = try fields.decode(IPSetBackend.self, forKey: .ipset)
            value.flows = try fields.decodeFlows(.protocol, .ports)
            self = .ipset(value)
        case "haproxy":
            var value = try fields.decode(HAProxyBackend.self, forKey: .haproxy)
            value.flows = try fields.decodeFlows(.protocol, .ports)
            self = .haproxy(value)
        case "script":
            var value = try fields.decode(ScriptBackend.self, forKey: .script)
            value.flows = try fields.decodeFlows(.protocol, .ports)
            self = .script(value)
        case "allow_list":
            var value = try fields.decodeIfPresent(AllowListBackend.self, forKey: .allowList) ?? AllowListBackend()
            value.flows = try fields.decodeFlows(.protocol, .ports)
            self = .allowList(value)
        case "nftables" where fields.contains(.set) && !fields.contains(.guard):
            try fields.superDecoder(forKey: .set).refuseUnknownKeys(SetFields.CodingKeys.self)
            let set = try fields.decode(SetFields.self, forKey: .set)
            self = .nftablesSet(
                NFTablesSet(
                    family: set.family, table: set.table, ipv4: set.ipv4, ipv6: set.ipv6,
                    protocol: try fields.decodeIfPresent(TransportProtocol.self, forKey: .protocol),
                    ports: fields.contains(.ports) ? try fields.decodePorts(forKey: .ports) : nil))
        case "nftables" where fields.contains(.guard) && !fields.contains(.set):
            self = .nftablesGuard(try fields.decode(NFTablesGuard.self, forKey: .guard))
        case "nftables":
            throw DecodingError.dataCorruptedError(
                forKey: .type, in: fields, debugDescription: "a backend of type nftables needs either set or guard")
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .type, in: fields,
                debugDescription: "\"\(type)\" is not a backend; expected one of \(Self.types.joined(separator: ", "))")
        }
        guard let prefix = try fields.decodeIfPresent(Int.self, forKey: .ipv6Prefix) else { return }
        ipv6Prefix = prefix
        if ipv6Prefix == nil {
            throw DecodingError.dataCorruptedError(
                forKey: .ipv6Prefix, in: fields, debugDescription: "a backend of type \(type) takes no ipv6_prefix")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        if case .unknown(let value) = self { return try value.json.encode(to: encoder) }
        var fields = encoder.container(keyedBy: Keys.self)
        switch self {
        case .unknown: break
        case .dryRun:
            try fields.encode("dry-run", forKey: .type)
        case .nftablesSet(let set):
            try fields.encode("nftables", forKey: .type)
            let inner = SetFields(family: set.family, table: set.table, ipv4: set.ipv4, ipv6: set.ipv6)
            try fields.encode(inner, forKey: .set)
            try fields.encodeIfPresent(set.protocol, forKey: .protocol)
            try fields.encodeIfPresent(set.ports, forKey: .ports)
        case .nftablesGuard(let value):
            try fields.encode("nftables", forKey: .type)
            try fields.encode(value, forKey: .guard)
        case .ipset(let value):
            try fields.encode("ipset", forKey: .type)
            try fields.encode(value, forKey: .ipset)
        case .haproxy(let value):
            try fields.encode("haproxy", forKey: .type)
            try fields.encode(value, forKey: .haproxy)
        case .script(let value):
            try fields.encode("script", forKey: .type)
            try fields.encode(value, forKey: .script)
        case .allowList(let value):
            try fields.encode("allow_list", forKey: .type)
            try fields.encode(value, forKey: .allowList)
        }
        try fields.encodeIfPresent(ipv6Prefix, forKey: .ipv6Prefix)
        switch self {
        case .unknown, .dryRun, .nftablesSet, .nftablesGuard: break
        case .ipset, .haproxy, .script, .allowList:
            try fields.encodeIfPresent(flows?.protocol, forKey: .protocol)
            try fields.encodeIfPresent(flows?.ports, forKey: .ports)
        }
    }
}

extension NFTablesGuard: Codable {
    private enum Keys: String, CodingKey, CaseIterable {
        case `protocol`, ports, forward, destinations, interfaces, loopback
        case trialSeconds = "trial_seconds"
    }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownKeys(Keys.self)
        let fields = try decoder.container(keyedBy: Keys.self)
        self.init(
            protocol: try fields.decode(TransportProtocol.self, forKey: .protocol),
            ports: try fields.decodePorts(forKey: .ports),
            forward: try fields.decodeIfPresent(Bool.self, forKey: .forward) ?? false,
            destinations: try fields.decodeIfPresent([CIDR].self, forKey: .destinations) ?? [],
            interfaces: try fields.decodeIfPresent([String].self, forKey: .interfaces) ?? [],
            loopback: try fields.decodeIfPresent(Bool.self, forKey: .loopback) ?? false,
            trialSeconds: try fields.decodeIfPresent(Int.self, forKey: .trialSeconds) ?? 60)
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Keys.self)
        try fields.encode(`protocol`, forKey: .protocol)
        try fields.encode(ports, forKey: .ports)
        try fields.encode(forward, forKey: .forward)
        try fields.encode(destinations, forKey: .destinations)
        try fields.encode(interfaces, forKey: .interfaces)
        try fields.encode(loopback, forKey: .loopback)
        try fields.encode(trialSeconds, forKey: .trialSeconds)
    }
}

extension KeyedDecodingContainer {
    /// Both or neither.
    fileprivate func decodeFlows(_ transport: Key, _ ports: Key) throws -> FlowMatch? {
        let list = contains(ports) ? try decodePorts(forKey: ports) : []
        guard let found = try decodeIfPresent(TransportProtocol.self, forKey: transport) else {
            guard list.isEmpty else {
                throw DecodingError.dataCorruptedError(
                    forKey: ports, in: self, debugDescription: "protocol and ports go together: give both or neither")
            }
            return nil
        }
        return FlowMatch(protocol: found, ports: list)
    }

    /// Refuses another type's object.
    fileprivate func refuse(beside own: Key, _ common: Set<Key>, of type: String) throws where Key: Hashable {
        for key in allKeys where key != own && !common.contains(key) {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self, debugDescription: "a backend of type \(type) takes no \(key.stringValue)")
        }
    }

    /// Reads wider numbers first: a JSON decoder cannot say which one did not fit into 16 bits.
    fileprivate func decodePorts(forKey key: Key) throws -> [UInt16] {
        try decode([Int64].self, forKey: key).map { number in
            if let port = UInt16(exactly: number) { return port }
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self, debugDescription: "\(number) is not a port; expected 1 to 65535")
        }
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// Refuses an object with keys other than those of `type`, so that a misspelt field is not silently dropped.
    ///
    /// - Throws: `DecodingError.dataCorrupted` naming the key and those that are known.
    public func refuseUnknownKeys<Key: CodingKey & CaseIterable & RawRepresentable<String>>(_ type: Key.Type) throws {
        let known = Key.allCases.map(\.rawValue)
        let container = try container(keyedBy: AnyKey.self)
        for key in container.allKeys where !known.contains(key.stringValue) {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath,
                    debugDescription: "unknown field \"\(key.stringValue)\"; expected \(known.joined(separator: ", "))")
            )
        }
    }
}
