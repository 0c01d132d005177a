import KnocknocModel

/// A flow from a client to a service, as conntrack or a socket knows it.
struct Flow: Hashable, Sendable {
    var client: IPAddress
    var clientPort: UInt16
    var `protocol`: TransportProtocol
    /// Address and port as the client typed them.
    var destination: IPAddress
    var port: UInt16
    /// The port of the process that serves it, after destination NAT.
    var innerPort: UInt16
    var established: Bool

    /// The two forms in which its packets pass our hooks: as the client sees them, and bare once conntrack has
    /// forgotten the translation.
    var keys: Set<FlowKey> {
        Set(
            [port, innerPort].map {
                FlowKey(source: client, protocol: `protocol`, sourcePort: clientPort, port: $0)
            })
    }
}

/// What is to be cut: all flows of a source, an address or a network, to some ports.
struct Cut: Hashable, Sendable {
    /// A part of the source for which some ports are still open.
    struct Spared: Hashable, Sendable {
        var source: CIDR
        var ports: Set<UInt16>
    }

    var source: CIDR
    var `protocol`: TransportProtocol
    var ports: Set<UInt16>
    /// What had let them in.
    var gate: Gate
    var spared: [Spared] = []
    /// Whether only local sockets are ended, because the packet filter refuses every packet of the others anyway.
    var socketsOnly: Bool
    /// Whether flows are cut although somebody lets them through.
    var whole = false

    func covers(_ flow: Flow) -> Bool {
        guard source.contains(flow.client), flow.protocol == `protocol` else { return false }
        var ports = ports
        for part in spared where part.source.contains(flow.client) { ports.subtract(part.ports) }
        return ports.contains(flow.port) || ports.contains(flow.innerPort)
    }
}

extension TransportProtocol {
    /// IPPROTO_TCP, IPPROTO_UDP.
    var number: UInt8 { self == .tcp ? 6 : 17 }

    init?(number: UInt8) {
        switch number {
        case 6: self = .tcp
        case 17: self = .udp
        default: return nil
        }
    }
}
