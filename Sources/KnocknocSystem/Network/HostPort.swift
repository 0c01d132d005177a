public import KnocknocModel

/// Where something listens: a name or an address, and a port.
public struct HostPort: Hashable, Sendable, CustomStringConvertible {
    /// IPv6 without brackets.
    public var host: String
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`, IPv6 in brackets.
    ///
    /// - Throws: ``SystemError`` `invalid` saying what was expected.
    public init(parsing text: String) throws(SystemError) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0,
            let host = Self.host(text[..<colon])
        else {
            throw SystemError(
                .invalid,
                "\"\(text)\": expected HOST:PORT, such as 192.0.2.11:8756, web-1.example:8756 or [2001:db8::11]:8756")
        }
        self.init(host: host, port: Int(port))
    }

    private static func host(_ text: Substring) -> String? {
        if text.first == "[", text.last == "]" {
            let inner = String(text.dropFirst().dropLast())
            return inner.contains(":") && IPAddress(inner) != nil ? inner : nil
        }
        let fits = text.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                || byte == 46
        }
        guard fits, let first = text.first, first != "-", first != ".", text.utf8.count <= 253 else { return nil }
        // Digits and dots alone are an address, or nothing.
        if text.utf8.allSatisfy({ (48...57).contains($0) || $0 == 46 }) {
            return IPAddress(String(text)) == nil ? nil : String(text)
        }
        return text.lowercased()
    }

    public var address: IPAddress? { IPAddress(host) }

    /// Whether only this machine reaches it.
    public var isLoopback: Bool { host == "localhost" || address?.isLoopback == true }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
