public import KnocknocModel

/// Where a front, such as HAProxy's, listens for browsers and agents.
public struct FrontAddress: Hashable, Sendable, CustomStringConvertible {
    public var address: IPAddress
    /// nil is the scheme's own: 443, or 80 without TLS.
    public var port: Int?

    public init(_ address: IPAddress, port: Int? = nil) {
        self.address = address
        self.port = port
    }

    /// Reads `ADDRESS`, `ADDRESS:PORT`, `[IPV6]:PORT`, `*` or `*:PORT`; the star is every address of each family that
    /// this machine has.
    ///
    /// - Throws: ``SystemError`` `invalid` saying what was expected.
    public static func parse(_ text: String, hasIPv6: Bool) throws(SystemError) -> [FrontAddress] {
        let wrong = SystemError(
            .invalid,
            "--bind \"\(text)\": expected an address of this machine, such as 192.0.2.1, 192.0.2.1:8443, "
                + "[2001:db8::1]:443, or * for every address")
        if let address = IPAddress(text) { return [FrontAddress(address)] }
        var (host, port): (Substring, Int?) = (text[...], nil)
        if !text.hasSuffix("]"), let colon = text.lastIndex(of: ":") {
            guard let given = UInt16(text[text.index(after: colon)...]), given > 0 else { throw wrong }
            (host, port) = (text[..<colon], Int(given))
        }
        if host == "*" {
            let every = [IPAddress.v4(0)] + (hasIPv6 ? [IPAddress.v6(0)] : [])
            return every.map { FrontAddress($0, port: port) }
        }
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
        guard let address = IPAddress(String(host)) else { throw wrong }
        return [FrontAddress(address, port: port)]
    }

    /// As HAProxy reads it, with the port that it has here.
    public func text(port standard: Int) -> String {
        let port = port ?? standard
        return address.family == .v6 ? "[\(address)]:\(port) v6only" : "\(address):\(port)"
    }

    public var description: String {
        let host = address.family == .v6 ? "[\(address)]" : "\(address)"
        return host + (port.map { ":\($0)" } ?? "")
    }
}
