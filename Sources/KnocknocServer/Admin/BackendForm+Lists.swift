import KnocknocModel

// Backends that let members in through something that is not nftables.
extension BackendForm {
    static func fill(_ values: inout FormValues, _ flows: FlowMatch?, _ name: Name) {
        values[name("protocol")] = flows?.protocol.rawValue
        values[name("ports")] = list(flows?.ports ?? [])
    }

    static func fill(_ values: inout FormValues, from value: IPSetBackend, _ name: Name) {
        values[name("backend")] = "ipset"
        values[name("ipv4")] = value.ipv4
        values[name("ipv6")] = value.ipv6
        values[name("block_ipv4")] = value.blockIPv4
        values[name("block_ipv6")] = value.blockIPv6
        fill(&values, value.flows, name)
    }

    static func fill(_ values: inout FormValues, from value: HAProxyBackend, _ name: Name) {
        values[name("backend")] = "haproxy"
        values[name("socket")] = value.socket
        switch value.list {
        case .map(let list): (values[name("list_kind")], values[name("list")]) = ("map", list)
        case .acl(let list): (values[name("list_kind")], values[name("list")]) = ("acl", list)
        }
        values[name("file")] = value.file
        fill(&values, value.flows, name)
    }

    static func fill(_ values: inout FormValues, from value: ScriptBackend, _ name: Name) {
        values[name("backend")] = "script"
        values[name("path")] = value.path
        values[name("script_name")] = value.name
        values[name("environment")] = value.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            .joined(separator: "\n")
        fill(&values, value.flows, name)
    }

    static func ipsetBackend(_ values: FormValues, _ name: Name, _ errors: inout FormErrors) -> Backend? {
        guard let flows = flows(values, name, &errors) else { return nil }
        return .ipset(
            IPSetBackend(
                ipv4: values.optional(name("ipv4")), ipv6: values.optional(name("ipv6")),
                blockIPv4: values.optional(name("block_ipv4")), blockIPv6: values.optional(name("block_ipv6")),
                flows: flows.match))
    }

    static func haproxyBackend(_ values: FormValues, _ name: Name, _ errors: inout FormErrors) -> Backend? {
        guard let flows = flows(values, name, &errors) else { return nil }
        let list = values.text(name("list"))
        return .haproxy(
            HAProxyBackend(
                socket: values.text(name("socket")),
                list: values.text(name("list_kind")) == "acl" ? .acl(list) : .map(list),
                file: values.optional(name("file")) ?? list, flows: flows.match))
    }

    static func scriptBackend(
        _ values: FormValues, _ name: Name, _ errors: inout FormErrors, replacing old: Backend?
    ) -> Backend? {
        var environment: [String: String] = [:]
        for line in values.raw(name("environment")).split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, environment.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
                errors.fields[name("environment")] =
                    "\"\(parts[0])\" is not NAME=VALUE, or comes twice; write one variable on each line."
                return nil
            }
        }
        var sealed: [String: SealedValue] = [:]
        if case .script(let script)? = old { sealed = script.sealed }
        var secrets: [String: SecretText] = [:]
        for line in values.raw(name("secrets")).split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, secrets.updateValue(SecretText(String(parts[1])), forKey: String(parts[0])) == nil
            else {
                errors.fields[name("secrets")] = "A line is not NAME=VALUE, or a name comes twice."
                return nil
            }
        }
        for (field, secret) in secrets {
            sealed[field] = nil
            if secret.value.isEmpty { secrets[field] = nil }
        }
        guard let flows = flows(values, name, &errors) else { return nil }
        return .script(
            ScriptBackend(
                path: values.text(name("path")),
                name: values.optional(name("script_name")) ?? ScriptBackend.standardName,
                environment: environment, sealed: sealed, secrets: secrets, flows: flows.match))
    }

    static func allowListBackend(_ values: FormValues, _ name: Name, _ errors: inout FormErrors) -> Backend? {
        flows(values, name, &errors).map { .allowList(AllowListBackend(flows: $0.match)) }
    }

    /// What the form says of flows, or nil where something is wrong with it.
    private static func flows(
        _ values: FormValues, _ name: Name, _ errors: inout FormErrors
    ) -> (match: FlowMatch?, Void)? {
        guard let ports = ports(values, name("ports"), &errors) else { return nil }
        let transport = TransportProtocol(rawValue: values.text(name("protocol"))) ?? .tcp
        return (ports.isEmpty ? nil : FlowMatch(protocol: transport, ports: ports), ())
    }
}
