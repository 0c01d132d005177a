import CMnl

/// Changes elements of sets with one message to the kernel. libnftables lists every table, chain and set before each
/// command, which takes longer than the change; libnftnl, which it stands on, does not.
final class SetWriter {
    private let socket: NetlinkSocket

    init() throws(EnforcementError) {
        socket = try NetlinkSocket(bus: NETLINK_NETFILTER)
        socket.makeRoom(toSend: 4 << 20)
    }

    /// Runs all changes as one transaction.
    ///
    /// - Throws: ``EnforcementError`` with the kernel's reason; nothing has then been changed.
    func run(_ changes: [ElementChange]) throws(EnforcementError) {
        let changes = changes.filter { !$0.elements.isEmpty }
        guard !changes.isEmpty else { return }
        let batch = try SetBatch(changes)
        defer { withExtendedLifetime(batch) {} }
        var pages = batch.pages
        try socket.transact(&pages)
    }
}
