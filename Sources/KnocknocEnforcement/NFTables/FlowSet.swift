import KnocknocModel

/// The sets of our table that hold flows which were cut. They name a flow exactly, both ports, so that ending one
/// Knoc does not shut its user out of another service on the same port number.
enum FlowSet: CaseIterable, Sendable {
    case v4, v6

    /// Longer than TCP goes on retransmitting.
    static let seconds = 16 * 60

    init(_ family: IPAddress.Family) { self = family == .v4 ? .v4 : .v6 }

    var name: String { self == .v4 ? "flow4" : "flow6" }
    var keyword: String { self == .v4 ? "ip" : "ip6" }
    var type: String {
        (self == .v4 ? "ipv4_addr" : "ipv6_addr") + " . inet_proto . inet_service . inet_service"
    }
}

/// A flow by its client's address and both ports, as a packet from the client carries them.
struct FlowKey: Hashable, Sendable {
    var source: IPAddress
    var `protocol`: TransportProtocol
    var sourcePort: UInt16
    var port: UInt16

    var element: String { "\(source) . \(`protocol`.rawValue) . \(sourcePort) . \(port)" }
}

extension FlowKey {
    /// As the kernel holds it: each part padded to four bytes.
    var bytes: [UInt8] {
        let ports = [sourcePort, port].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff), 0, 0] }
        return source.bytes + [`protocol`.number, 0, 0, 0] + ports
    }

    /// A key as the kernel holds it.
    init?(bytes: [UInt8], _ family: IPAddress.Family) {
        let length = family.bits / 8
        guard bytes.count == length + 12, let source = IPAddress(bytes: bytes[..<length]),
            let proto = TransportProtocol(number: bytes[length])
        else { return nil }
        let number = { (index: Int) in UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1]) }
        self.init(source: source, protocol: proto, sourcePort: number(length + 4), port: number(length + 8))
    }
}
