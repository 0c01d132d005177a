extension ClientAddressRule {
    /// Where a request came from, for rules that go by networks alone; nil where a proxy that nobody told us of, or one
    /// that does not say for whom it speaks, may hide it.
    ///
    /// - Parameters:
    ///   - namesClient: it has an `X-Forwarded-For`.
    ///   - isForwarded: it has any field that proxies add.
    public func origin(
        _ decision: Decision, peer: IPAddress?, namesClient: Bool, isForwarded: Bool
    ) -> IPAddress? {
        // Whoever comes through a proxy on this machine is not this machine.
        if isForwarded, let peer, peer.isLoopback, !namesClient || !trusts(peer) { return nil }
        return switch decision {
        case .address(let address): address
        case .refused(let address, _, nil): address
        case .refused: nil
        }
    }
}
