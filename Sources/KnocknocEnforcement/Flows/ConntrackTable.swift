import CConntrack
import CMnl
import Glibc
import KnocknocModel

/// The kernel's connection tracking table of one network namespace.
///
/// libnetfilter_conntrack writes and reads the entries. Debian's (1.0.9) cannot ask for those of one address, so that
/// attribute is added here: of a million flows the kernel then copies a client's only.
final class ConntrackTable {
    private let socket: NetlinkSocket

    init() throws(EnforcementError) { socket = try NetlinkSocket(bus: NETLINK_NETFILTER) }

    /// A flow and what makes the kernel forget it.
    struct Found: Sendable {
        var flow: Flow
        var removal: NetlinkMessage
    }

    /// Every flow that `wanted` says yes to.
    ///
    /// - Parameter clients: whose flows are looked at; nil for all.
    func find(of clients: Set<CIDR>?, where wanted: (Flow) -> Bool) throws(EnforcementError) -> [Found] {
        // Each filter is a walk over the whole table.
        guard let clients, clients.count <= 8 else { return try dump(.listing(nil), wanted) }
        var found: [Found] = []
        for client in clients {
            guard case .v4(let address) = client.address else { continue }
            // A flow that was picked up in the middle may be tracked from its server's end.
            for end in [ConntrackEntry.End.source, .destination] {
                found += try dump(.listing(address, at: end)) { client.contains($0.client) && wanted($0) }
            }
        }
        // Linux (at least to 6.18) hands over just what an IPv6 filter should leave out.
        let others = clients.filter { $0.address.family == .v6 }
        guard !others.isEmpty else { return found }
        return found
            + (try dump(.listing(.v6)) { flow in others.contains { $0.contains(flow.client) } && wanted(flow) })
    }

    /// Forgets flows, so that no rule takes them for established; one that fails does not stop the others.
    func forget(_ found: [Found]) throws(EnforcementError) {
        let failures = try socket.request(all: found.map(\.removal)).filter { $0.code != .missing }
        if let failure = failures.first { throw Self.error(failure) }
    }

    private func dump(_ message: NetlinkMessage, _ wanted: (Flow) -> Bool) throws(EnforcementError) -> [Found] {
        var found: [Found] = []
        do {
            try socket.request(message) { answer in
                guard let entry = ConntrackEntry(answer) else { return }
                for flow in entry.flows where wanted(flow) {
                    found.append(Found(flow: flow, removal: entry.removal))
                }
            }
        } catch {
            throw Self.error(error)
        }
        return found
    }

    private static func error(_ error: EnforcementError) -> EnforcementError {
        EnforcementError(error.code, "connection tracking: \(error.message)")
    }
}

extension NetlinkMessage {
    /// Asks for all entries of a family; nil for both.
    fileprivate static func listing(_ family: IPAddress.Family?) -> NetlinkMessage {
        let number = family.map { $0 == .v4 ? AF_INET : AF_INET6 } ?? AF_UNSPEC
        return NetlinkMessage(conntrack: IPCTNL_MSG_CT_GET, flags: NLM_F_DUMP, family: UInt8(number)) { _ in }
    }

    /// Asks for entries with an IPv4 address at one end.
    static func listing(_ address: UInt32, at end: ConntrackEntry.End) -> NetlinkMessage {
        NetlinkMessage(conntrack: IPCTNL_MSG_CT_GET, flags: NLM_F_DUMP, family: UInt8(AF_INET)) { header in
            ConntrackEntry(address, at: end)?.put(into: header)
            // What the kernel compares before it copies an entry (Linux 5.8; an older one sends all).
            let filter = mnl_attr_nest_start(header, UInt16(CTA_FILTER.rawValue))
            mnl_attr_put_u32(header, UInt16(CTA_FILTER_ORIG_FLAGS.rawValue), end.rawValue)
            mnl_attr_nest_end(header, filter)
        }
    }
}
