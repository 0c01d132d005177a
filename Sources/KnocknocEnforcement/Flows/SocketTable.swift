import CMnl
import Glibc
import KnocknocModel

/// This host's own connected sockets (sock_diag(7)) of one network namespace.
final class SocketTable {
    private let socket: NetlinkSocket

    /// Whether this kernel can end sockets of others (CONFIG_INET_DIAG_DESTROY).
    let canDestroy: Bool

    init() throws(EnforcementError) {
        socket = try NetlinkSocket(bus: NETLINK_SOCK_DIAG)
        canDestroy = Self.canDestroy(UInt8(AF_INET), socket)
    }

    /// Asks the kernel to end a socket that is not there: one that can do it looks for it first.
    static func canDestroy(_ family: UInt8, _ socket: NetlinkSocket) -> Bool {
        let nobody = [UInt8](repeating: 0, count: 40) + [UInt8](repeating: 0xff, count: 8)
        let message = message(destroyType, flags: NetlinkMessage.acknowledge, family, .tcp, nobody)
        do { try socket.request(message) { _ in } } catch { return error.code != .unavailable }
        return true
    }

    /// A connected socket, with what the kernel needs to find it again.
    struct Found: Sendable {
        var flow: Flow
        fileprivate var family: UInt8
        fileprivate var identity: [UInt8]
    }

    /// Ends connected sockets at once, as `ss -K` does; both ends learn of it. One that fails does not stop the others.
    /// Where the kernel cannot do that nothing happens: their packets are refused all the same.
    func destroy(_ found: [Found]) throws(EnforcementError) {
        guard canDestroy else { return }
        let messages = found.map { item in
            Self.message(
                Self.destroyType, flags: NetlinkMessage.acknowledge, item.family, item.flow.protocol, item.identity)
        }
        // One that is missing ended by itself meanwhile.
        if let error = try socket.request(all: messages).first(where: { $0.code != .missing }) {
            throw EnforcementError(error.code, "ending a socket: \(error.message)")
        }
    }

    private static let dumpType: UInt16 = 20
    private static let destroyType: UInt16 = 21
    private static let identityLength = 48
    /// All states but TIME_WAIT, CLOSE and LISTEN, which carry nothing.
    private static let states: UInt32 = 0xfff & ~(1 << 6 | 1 << 7 | 1 << 10)

    /// Every connected socket.
    ///
    /// - Parameter clients: at whose addresses their other ends are; nil for all.
    /// - Returns: with them why some could not be looked at.
    func find(
        _ protocols: Set<TransportProtocol>, of clients: Set<IPAddress>?
    ) -> (found: [Found], failure: EnforcementError?) {
        var found: [Found] = []
        var failure: EnforcementError?
        // Each filter is a walk over all sockets.
        let filters = clients.flatMap { $0.count <= 8 ? $0.map(Optional.some) : nil } ?? [nil]
        for proto in protocols {
            for (client, family) in filters.flatMap(Self.families) {
                var message = Self.message(
                    Self.dumpType, flags: NetlinkMessage.dump, family, proto,
                    [UInt8](repeating: 0, count: Self.identityLength))
                // INET_DIAG_REQ_BYTECODE.
                if let client { message.add(1, Self.filter(client)) }
                do throws(EnforcementError) {
                    try socket.request(message) { frame in
                        if let item = Self.parse(frame.payload, proto) { found.append(item) }
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

    /// Where sockets with a client's address are: IPv4 comes over IPv6 sockets, too.
    private static func families(_ client: IPAddress?) -> [(IPAddress?, UInt8)] {
        let families = client?.family == .v6 ? [AF_INET6] : [AF_INET, AF_INET6]
        return families.map { (client, UInt8($0)) }
    }

    /// The kernel's own comparison of the other end's address: struct inet_diag_bc_op, then inet_diag_hostcond.
    private static func filter(_ client: IPAddress) -> [UInt8] {
        let bytes = client.bytes
        let length = 12 + bytes.count
        // What it holds for goes on behind it, which is accepted; what it does not, beyond the end, which is refused.
        let code = [UInt8(INET_DIAG_BC_D_COND), UInt8(length)]
        let otherwise = withUnsafeBytes(of: UInt16(length + 4)) { Array($0) }
        let family = UInt8(client.family == .v4 ? AF_INET : AF_INET6)
        let anyPort = withUnsafeBytes(of: Int32(-1)) { Array($0) }
        return code + otherwise + [family, UInt8(client.family.bits), 0, 0] + anyPort + bytes
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
