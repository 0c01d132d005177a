/// What the rules behind a backend let members through to. An agent cuts the established flows that it names when
/// access ends, unless another target of that agent lets them through by the same set or list.
public struct FlowMatch: Hashable, Sendable {
    public var `protocol`: TransportProtocol
    /// Ports 1 to 65535 of `protocol`, as the client types them.
    public var ports: [UInt16]

    public init(protocol: TransportProtocol, ports: [UInt16]) {
        self.protocol = `protocol`
        self.ports = ports
    }

    func validated() throws(ModelError) -> FlowMatch {
        guard !ports.isEmpty else {
            throw ModelError(.invalidBackend, "protocol and ports go together: give both or neither")
        }
        return FlowMatch(protocol: `protocol`, ports: try checkedPorts(ports, "ports"))
    }

    /// As part of a target's key.
    var key: String { "\(`protocol`.rawValue) \(ports.map(String.init).joined(separator: ","))" }
}
