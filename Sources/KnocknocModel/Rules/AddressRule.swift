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
}
