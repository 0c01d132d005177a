import KnocknocModel
import Testing

@testable import KnocknocEnforcement

func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

func network(_ text: String) throws -> CIDR { try CIDR(parsing: text) }

func target(_ number: UInt128) -> TargetID { TargetID(value: number) }

func guardTarget(
    _ number: UInt128, _ proto: TransportProtocol = .tcp, _ ports: [UInt16] = [9000], forward: Bool = false,
    destinations: [CIDR] = [], interfaces: [String] = [], loopback: Bool = false,
    purpose: TargetDefinition.Purpose = .enforce, confirmed: Bool = true
) -> TargetDefinition {
    let value = NFTablesGuard(
        protocol: proto, ports: ports, forward: forward, destinations: destinations, interfaces: interfaces,
        loopback: loopback, trialSeconds: 0)
    return TargetDefinition(
        id: target(number), backend: .nftablesGuard(value), confirmed: confirmed, purpose: purpose)
}

func setTarget(
    _ number: UInt128, ipv4: String? = "allowed4", ipv6: String? = "allowed6", _ proto: TransportProtocol? = .tcp,
    _ ports: [UInt16]? = [9000], purpose: TargetDefinition.Purpose = .enforce
) -> TargetDefinition {
    let value = NFTablesSet(
        family: .inet, table: "filter", ipv4: ipv4, ipv6: ipv6, protocol: proto, ports: ports)
    return TargetDefinition(id: target(number), backend: .nftablesSet(value), confirmed: true, purpose: purpose)
}

func member(_ number: UInt128, _ address: IPAddress, seconds: Double = 600) -> Member {
    Member(
        target: target(number), address: address,
        deadline: BootClock.now().adding(milliseconds: Int64(seconds * 1000)))
}

func ipsetTarget(
    _ number: UInt128, ipv4: String? = "allow4", ipv6: String? = nil, block4: String? = nil, block6: String? = nil,
    _ proto: TransportProtocol? = .tcp, _ ports: [UInt16] = [9000], purpose: TargetDefinition.Purpose = .enforce
) -> TargetDefinition {
    let value = IPSetBackend(
        ipv4: ipv4, ipv6: ipv6, blockIPv4: block4, blockIPv6: block6,
        flows: proto.map { FlowMatch(protocol: $0, ports: ports) })
    return TargetDefinition(id: target(number), backend: .ipset(value), confirmed: true, purpose: purpose)
}
