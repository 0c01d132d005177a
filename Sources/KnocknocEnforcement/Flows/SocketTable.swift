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
        var nobody = inet_diag_sockid()
        nobody.idiag_cookie = (UInt32.max, UInt32.max)
        do { try socket.request(ending(family, .tcp, nobody)) { _ in } } catch { return error.code != .unavailable }
        return true
    }

    /// A connected socket, with what the kernel needs to find it again.
    struct Found: Sendable {
        var flow: Flow
        fileprivate var family: UInt8
        fileprivate var identity: inet_diag_sockid
    }

    /// Ends connected sockets at once, as `ss -K` does; both ends learn of it. One that fails does not stop the others.
    /// Where the kernel cannot do that nothing happens: their packets are refused all the same.
    func destroy(_ found: [Found]) throws(EnforcementError) {
        guard canDestroy else { return }
        let messages = found.map { Self.ending($0.family, $0.flow.protocol, $0.identity) }
        // One that is missing ended by itself meanwhile.
        if let error = try socket.request(all: messages).first(where: { $0.code != .missing }) {
            throw EnforcementError(error.code, "ending a socket: \(error.message)")
        }
    }

    /// All states but TIME_WAIT, CLOSE and LISTEN, which carry nothing.
    private static let states: UInt32 = 0xfff & ~(1 << TCP_TIME_WAIT | 1 << TCP_CLOSE | 1 << TCP_LISTEN)

    /// Every connected socket.
    ///
    /// - Parameter clients: at whose addresses their other ends are; nil for all.
    /// - Returns: with them why some could not be looked at.
    func find(
        _ protocols: Set<TransportProtocol>, of clients: Set<CIDR>?
    ) -> (found: [Found], failure: EnforcementError?) {
        var found: [Found] = []
        var failure: EnforcementError?
        // Each filter is a walk over all sockets.
        let filters = clients.flatMap { $0.count <= 8 ? $0.map(Optional.some) : nil } ?? [nil]
        for proto in protocols {
            for (client, family) in filters.flatMap(Self.families) {
                let message = NetlinkMessage(type: UInt16(SOCK_DIAG_BY_FAMILY), flags: NLM_F_DUMP) { header in
                    header.put(Self.request(family, proto, inet_diag_sockid()))
                    guard let filter = client.map(Self.filter) else { return }
                    mnl_attr_put(header, UInt16(INET_DIAG_REQ_BYTECODE), filter.count, filter)
                }
                do throws(EnforcementError) {
                    try socket.request(message) { answer in
                        if let item = answer.fixed(inet_diag_msg.self).flatMap({ Self.found($0, proto) }) {
                            found.append(item)
                        }
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
    private static func families(_ client: CIDR?) -> [(CIDR?, UInt8)] {
        let families = client?.address.family == .v6 ? [AF_INET6] : [AF_INET, AF_INET6]
        return families.map { (client, UInt8($0)) }
    }

    /// The kernel's own comparison of the other end's address, as the only step of a program.
    private static func filter(_ client: CIDR) -> [UInt8] {
        let address = client.address.bytes
        var condition = inet_diag_hostcond()
        condition.family = UInt8(client.address.family == .v4 ? AF_INET : AF_INET6)
        condition.prefix_len = UInt8(client.length)
        // Any port.
        condition.port = -1
        let length = MemoryLayout<inet_diag_bc_op>.size + MemoryLayout<inet_diag_hostcond>.size + address.count
        // What it holds for goes on behind it, which is accepted; what it does not, beyond the end, which is refused.
        let operation = inet_diag_bc_op(code: UInt8(INET_DIAG_BC_D_COND), yes: UInt8(length), no: UInt16(length + 4))
        return withUnsafeBytes(of: operation) { Array($0) } + withUnsafeBytes(of: condition) { Array($0) } + address
    }

    private static func ending(
        _ family: UInt8, _ proto: TransportProtocol, _ identity: inet_diag_sockid
    ) -> NetlinkMessage {
        NetlinkMessage(type: UInt16(SOCK_DESTROY), flags: NLM_F_ACK) { $0.put(request(family, proto, identity)) }
    }

    private static func request(
        _ family: UInt8, _ proto: TransportProtocol, _ identity: inet_diag_sockid
    ) -> inet_diag_req_v2 {
        inet_diag_req_v2(
            sdiag_family: family, sdiag_protocol: proto.number, idiag_ext: 0, pad: 0, idiag_states: states, id: identity
        )
    }

    private static func found(_ answer: inet_diag_msg, _ proto: TransportProtocol) -> Found? {
        let length = Int32(answer.idiag_family) == AF_INET6 ? 16 : 4
        let port = UInt16(bigEndian: answer.id.idiag_sport)
        let clientPort = UInt16(bigEndian: answer.id.idiag_dport)
        let local = withUnsafeBytes(of: answer.id.idiag_src) { IPAddress(bytes: Array($0.prefix(length))) }
        let remote = withUnsafeBytes(of: answer.id.idiag_dst) { IPAddress(bytes: Array($0.prefix(length))) }
        guard clientPort != 0, let local, let remote else { return nil }
        let flow = Flow(
            client: remote, clientPort: clientPort, protocol: proto, destination: local, port: port, innerPort: port,
            established: Int(answer.idiag_state) == TCP_ESTABLISHED)
        return Found(flow: flow, family: answer.idiag_family, identity: answer.id)
    }
}
