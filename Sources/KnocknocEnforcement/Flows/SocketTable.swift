import CMnl
import Glibc
import KnocknocModel

/// This host's own connected sockets (sock_diag(7)) of one network namespace.
final class SocketTable {
    private let socket: NetlinkSocket

    init() throws(EnforcementError) { socket = try NetlinkSocket(bus: NETLINK_SOCK_DIAG) }

    /// A connected socket, with what the kernel needs to find it again.
    private struct Found {
        var flow: Flow
        var family: UInt8
        var identity: [UInt8]
    }

    /// Hands over every connected socket that `wanted` says yes to; what could be read has been when this throws.
    func flows(
        _ protocols: Set<TransportProtocol>, where wanted: (Flow) -> Bool, each: (Flow) -> Void
    ) throws(EnforcementError) {
        let (found, failure) = find(protocols, wanted)
        for item in found { each(item.flow) }
        if let failure { throw failure }
    }

    /// Ends connected sockets at once, as `ss -K` does; both ends learn of it. One that fails does not stop the others.
    func destroy(_ protocols: Set<TransportProtocol>, where wanted: (Flow) -> Bool) throws(EnforcementError) {
        var (all, failure) = find(protocols, wanted)
        for found in all {
            let message = Self.message(
                Self.destroyType, flags: NetlinkMessage.acknowledge, found.family, found.flow.protocol, found.identity)
            do {
                try socket.request(message) { _ in }
            } catch {
                // It ended by itself meanwhile.
                guard error.code != .missing else { continue }
                failure = failure ?? EnforcementError(error.code, "ending a socket: \(error.message)")
            }
        }
        if let failure { throw failure }
    }

    private static let dumpType: UInt16 = 20
    private static let destroyType: UInt16 = 21
    private static let identityLength = 48
    /// All states but TIME_WAIT, CLOSE and LISTEN, which carry nothing.
    private static let states: UInt32 = 0xfff & ~(1 << 6 | 1 << 7 | 1 << 10)

    private func find(
        _ protocols: Set<TransportProtocol>, _ wanted: (Flow) -> Bool
    ) -> (found: [Found], failure: EnforcementError?) {
        var found: [Found] = []
        var failure: EnforcementError?
        for proto in protocols {
            for family in [UInt8(AF_INET), UInt8(AF_INET6)] {
                let message = Self.message(
                    Self.dumpType, flags: NetlinkMessage.dump, family, proto,
                    [UInt8](repeating: 0, count: Self.identityLength))
                do throws(EnforcementError) {
                    try socket.request(message) { frame in
                        guard let item = Self.parse(frame.payload, proto), wanted(item.flow) else { return }
                        found.append(item)
                    }
                } catch {
                    // The kernel has no module that lists them: what conntrack knows of is cut all the same.
                    guard error.code != .missing else { continue }
                    failure = failure ?? EnforcementError(error.code, "this host's sockets: \(error.message)")
                }
            }
        }
        return (found, failure)
    }

    /// struct inet_diag_req_v2.
    private static func message(
        _ type: UInt16, flags: UInt16, _ family: UInt8, _ proto: TransportProtocol, _ identity: [UInt8]
    ) -> NetlinkMessage {
        let fixed = [family, proto.number, 0, 0] + withUnsafeBytes(of: states) { Array($0) } + identity
        return NetlinkMessage(type: type, flags: flags, fixed: fixed)
    }

    /// struct inet_diag_msg: family, state, timer, retransmits, then the identity (ports in network order, addresses).
    private static func parse(_ bytes: UnsafeRawBufferPointer, _ proto: TransportProtocol) -> Found? {
        guard bytes.count >= 4 + identityLength else { return nil }
        let length = bytes[0] == UInt8(AF_INET6) ? 16 : 4
        let port = UInt16(bytes[4]) << 8 | UInt16(bytes[5])
        let clientPort = UInt16(bytes[6]) << 8 | UInt16(bytes[7])
        guard clientPort != 0, let local = IPAddress(bytes: Array(bytes[8..<8 + length])),
            let remote = IPAddress(bytes: Array(bytes[24..<24 + length]))
        else { return nil }
        let flow = Flow(
            client: remote, clientPort: clientPort, protocol: proto, destination: local, port: port, innerPort: port,
            established: bytes[1] == 1)
        return Found(flow: flow, family: bytes[0], identity: Array(bytes[4..<4 + identityLength]))
    }
}
