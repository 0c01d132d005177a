/// Which address a request came from, and whether that address may ever be granted anything.
///
/// `X-Forwarded-For` is believed only from trusted forwarders and read from the right, because every hop but the
/// last ones was written by somebody else.
public struct ClientAddressRule: Hashable, Sendable {
    public enum Decision: Hashable, Sendable {
        /// The client's own address, which may be granted access.
        case address(IPAddress)
        /// Sign-in works, nothing is granted. `reason` is for the user; `remedy` is what an administrator may do.
        case refused(IPAddress?, reason: String, remedy: String?)
    }

    /// Networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    public var trustedForwarders: [CIDR]
    /// Whether loopback may be granted: in the all-in-one the protected service is on this machine.
    public var allowsLoopback: Bool

    public init(trustedForwarders: [CIDR], allowsLoopback: Bool) {
        self.trustedForwarders = trustedForwarders
        self.allowsLoopback = allowsLoopback
    }

    public func trusts(_ address: IPAddress) -> Bool { trustedForwarders.contains { $0.contains(address) } }

    /// - Parameters:
    ///   - peer: the other end of the connection; nil where it has no IP address.
    ///   - forwardedFor: every `X-Forwarded-For` line in order.
    public func decide(peer: IPAddress?, forwardedFor: [String]) -> Decision {
        guard let peer else { return .refused(nil, reason: "your connection carries no address", remedy: nil) }
        let hops = forwardedFor.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        guard trusts(peer) else { return untrusted(peer, hops) }
        guard !hops.isEmpty else { return checked(peer) }
        var leftmost = peer
        for hop in hops.reversed() {
            guard let address = Self.address(hop) else {
                return .refused(
                    nil, reason: "the proxy before this server did not say where you come from",
                    remedy: "X-Forwarded-For from \(peer) has a hop that is no address")
            }
            leftmost = address
            if !trusts(address) { break }
        }
        return checked(leftmost)
    }

    private func untrusted(_ peer: IPAddress, _ hops: [Substring]) -> Decision {
        let claimsPublic = hops.contains { Self.address($0).map(Self.isPublic) ?? false }
        guard claimsPublic, peer.isPrivate || peer.isLoopback || peer.isLinkLocal else { return checked(peer) }
        return .refused(
            peer, reason: Self.untrustedProxy,
            remedy: "a proxy at \(peer) sends X-Forwarded-For; if it is yours, set \(line(trusting: peer))")
    }

    /// What a user is told who comes through a proxy that nobody told us of.
    public static let untrustedProxy = "you come through a proxy that this server has not been told to trust"

    /// The line of the configuration that also trusts `proxy`.
    public func line(trusting proxy: IPAddress) -> String {
        let networks = trustedForwarders.contains(CIDR(proxy)) ? trustedForwarders : trustedForwarders + [CIDR(proxy)]
        return "TrustedForwarders = " + networks.map(\.description).joined(separator: ", ")
    }

    private func checked(_ address: IPAddress) -> Decision {
        if address.isLoopback, allowsLoopback { return .address(address) }
        let refuse = { (reason: String) in
            Decision.refused(address, reason: "\(address) \(reason), which is never granted access", remedy: nil)
        }
        if address.isLoopback { return refuse("is a loopback address") }
        if address.isUnspecified { return refuse("is the unspecified address") }
        if address.isMulticast { return refuse("is a multicast address") }
        if trusts(address) {
            return .refused(
                address, reason: "\(address) belongs to a proxy in front of this server, not to you alone",
                remedy: "requests from \(address), which is in TrustedForwarders, name no client of their own")
        }
        return .address(address)
    }

    private static func isPublic(_ address: IPAddress) -> Bool {
        !(address.isPrivate || address.isLoopback || address.isLinkLocal || address.isUnspecified
            || address.isMulticast)
    }

    /// One hop: an address, perhaps with a port (`192.0.2.1:4711`, `[2001:db8::1]:4711`).
    static func address(_ hop: Substring) -> IPAddress? {
        var text = hop.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let inner = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard inner.contains(":"), rest.isEmpty || rest.first == ":" && isPort(rest.dropFirst()) else { return nil }
            return IPAddress(String(inner))
        }
        if text.contains("."), text.count(where: { $0 == ":" }) == 1, let colon = text.firstIndex(of: ":") {
            guard isPort(text[text.index(after: colon)...]) else { return nil }
            return IPAddress(String(text[..<colon]))
        }
        return IPAddress(String(text))
    }

    private static func isPort(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (48...57).contains($0) } && UInt16(text) != nil
    }
}
