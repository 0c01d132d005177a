/// Addresses that are no single client's and are never granted, whatever a forwarder says.
public enum AddressRule {
    /// - Parameter loopback: whether loopback may be granted (all-in-one).
    /// - Returns: the reason for the user; nil where the address may be granted.
    public static func refusal(_ address: IPAddress, loopback: Bool) -> String? {
        if address.isUnspecified { return "\(address) is not the address of anybody" }
        if address.isMulticast { return "\(address) is a multicast address, which is never granted access" }
        if address.isLoopback, !loopback {
            return "\(address) is this server's own loopback address, which is never granted access"
        }
        return nil
    }

    /// The same of a network that stands for one client: what is never granted must not be in it either.
    ///
    /// - Parameter forwarders: what stands in front of this server, for everybody.
    public static func refusal(network: CIDR, loopback: Bool, forwarders: [CIDR]) -> String? {
        // A single address has been judged by itself.
        guard network.length < network.address.family.bits else { return nil }
        let refuse = { (what: String) in
            "your network \(network) also has \(what) in it, which is never granted access; this Knoc opens for whole networks"
        }
        if forwarders.contains(where: network.overlaps) { return refuse("a proxy in front of this server") }
        return !loopback && network.contains(IPAddress.v6(1)) ? refuse("a loopback address") : nil
    }
}
