import KnocknocModel

/// A backend as the fields of a form, both ways.
enum BackendForm {
    typealias Name = (String) -> String

    static func fill(_ values: inout FormValues, from backend: Backend, _ name: Name) {
        values[name("ipv6_prefix")] = backend.ipv6Prefix.map(String.init)
        switch backend {
        case .unknown:
            // Saving the form takes it away, since nothing here can write it.
            break
        case .dryRun:
            values[name("backend")] = "dry-run"
        case .nftablesGuard(let value):
            values[name("backend")] = "guard"
            values[name("protocol")] = value.protocol.rawValue
            values[name("ports")] = list(value.ports)
            values[name("destinations")] = list(value.destinations)
            values[name("interfaces")] = list(value.interfaces)
            values.set(name("forward"), flag: value.forward)
            values.set(name("loopback"), flag: value.loopback)
            values[name("trial_seconds")] = DurationText.text(seconds: Int64(value.trialSeconds))
        case .nftablesSet(let value):
            values[name("backend")] = "set"
            values[name("family")] = value.family.rawValue
            values[name("table")] = value.table
            values[name("ipv4")] = value.ipv4
            values[name("ipv6")] = value.ipv6
            values[name("protocol")] = value.protocol?.rawValue
            values[name("ports")] = list(value.ports ?? [])
        case .ipset(let value): fill(&values, from: value, name)
        case .haproxy(let value): fill(&values, from: value, name)
        case .script(let value): fill(&values, from: value, name)
        case .allowList(let value):
            values[name("backend")] = "allow_list"
            fill(&values, value.flows, name)
        }
    }

    static func list(_ items: [some CustomStringConvertible]) -> String {
        items.map(\.description).joined(separator: ", ")
    }

    /// What was typed, or nil where the agent is not chosen or something is wrong.
    ///
    /// - Parameter old: what is in its place now.
    static func backend(
        _ values: FormValues, _ name: Name, _ errors: inout FormErrors, replacing old: Backend? = nil
    ) -> Backend? {
        let result: Backend?
        switch values.text(name("backend")) {
        case "dry-run": result = .dryRun
        case "guard": result = guardBackend(values, name, &errors)
        case "set": result = setBackend(values, name, &errors)
        case "ipset": result = ipsetBackend(values, name, &errors)
        case "haproxy": result = haproxyBackend(values, name, &errors)
        case "script": result = scriptBackend(values, name, &errors, replacing: old)
        case "allow_list": result = allowListBackend(values, name, &errors)
        default: result = nil
        }
        guard var result else { return nil }
        if let text = values.optional(name("ipv6_prefix")) {
            guard let prefix = Int(text.drop { $0 == "/" }) else {
                errors.fields[name("ipv6_prefix")] = "\"\(text)\" is not a number of bits; expected such as 64."
                return nil
            }
            result.ipv6Prefix = prefix
        }
        do throws(ModelError) {
            return try result.validated()
        } catch {
            errors.fields[name(field(of: error.message))] = Sentence.beside(error.message)
            return nil
        }
    }

    private static func guardBackend(_ values: FormValues, _ name: Name, _ errors: inout FormErrors) -> Backend? {
        let ports = ports(values, name("ports"), &errors)
        let destinations = values.words(name("destinations")).compactMap { text -> CIDR? in
            do throws(ModelError) {
                return try CIDR(parsing: text)
            } catch {
                errors.fields[name("destinations")] = Sentence.of(error.message)
                return nil
            }
        }
        let trial = values.optional(name("trial_seconds")).map { text -> Int in
            if let seconds = DurationText.seconds(text) { return Int(seconds) }
            errors.fields[name("trial_seconds")] = "\"\(text)\" is not a length of time; write it as 60s or 5m."
            return 60
        }
        guard let ports, errors.fields[name("destinations")] == nil, errors.fields[name("trial_seconds")] == nil else {
            return nil
        }
        return .nftablesGuard(
            NFTablesGuard(
                protocol: TransportProtocol(rawValue: values.text(name("protocol"))) ?? .tcp, ports: ports,
                forward: values.flag(name("forward")), destinations: destinations,
                interfaces: values.words(name("interfaces")), loopback: values.flag(name("loopback")),
                trialSeconds: trial ?? 60))
    }

    private static func setBackend(_ values: FormValues, _ name: Name, _ errors: inout FormErrors) -> Backend? {
        guard let ports = ports(values, name("ports"), &errors) else { return nil }
        let transport = TransportProtocol(rawValue: values.text(name("protocol"))) ?? .tcp
        return .nftablesSet(
            NFTablesSet(
                family: NFTablesSet.Family(rawValue: values.text(name("family"))) ?? .inet,
                table: values.text(name("table")), ipv4: values.optional(name("ipv4")),
                ipv6: values.optional(name("ipv6")), protocol: ports.isEmpty ? nil : transport,
                ports: ports.isEmpty ? nil : ports))
    }

    static func ports(_ values: FormValues, _ field: String, _ errors: inout FormErrors) -> [UInt16]? {
        var ports: [UInt16] = []
        for word in values.words(field) {
            guard let port = UInt16(word), port > 0 else {
                errors.fields[field] = "\"\(word)\" is not a port; expected numbers from 1 to 65535, such as 22, 443."
                return nil
            }
            ports.append(port)
        }
        return ports
    }

    /// The field of the form that a validation message is about; the messages begin with the API's name for it.
    private static func field(of message: String) -> String {
        let known = [
            ("guard.ports", "ports"), ("ports", "ports"), ("protocol and ports", "ports"), ("guard.forward", "forward"),
            ("guard.trial_seconds", "trial_seconds"), ("guard.interfaces", "interfaces"), ("set.table", "table"),
            ("set.ipv4", "ipv4"), ("set.ipv6", "ipv6"), ("set:", "ipv4"),
            ("ipset.ipv4", "ipv4"), ("ipset.ipv6", "ipv6"), ("ipset.block_ipv4", "block_ipv4"),
            ("ipset.block_ipv6", "block_ipv6"), ("ipset:", "ipv4"), ("haproxy.socket", "socket"),
            ("haproxy.map", "list"), ("haproxy.acl", "list"), ("haproxy.file", "file"), ("script.path", "path"),
            ("script.name", "script_name"), ("script.environment", "environment"),
            ("ipv6_prefix", "ipv6_prefix"), ("script.secrets", "secrets"), ("script.sealed", "secrets"),
        ]
        return known.first { message.hasPrefix($0.0) }?.1 ?? "backend"
    }
}
