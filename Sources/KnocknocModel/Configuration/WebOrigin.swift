/// `https://HOST[:PORT]`: the origin of a URL, without path.
public struct WebOrigin: Hashable, Sendable, CustomStringConvertible {
    public var secure: Bool
    /// Lower case; IPv6 without brackets.
    public var host: String
    /// nil is the scheme's own.
    public var port: Int?

    public init(secure: Bool, host: String, port: Int?) {
        self.secure = secure
        self.host = host.lowercased()
        self.port = port == (secure ? 443 : 80) ? nil : port
    }

    public init?(_ text: String) {
        var rest = text[...]
        let secure: Bool
        if rest.hasPrefix("https://") {
            secure = true
            rest = rest.dropFirst(8)
        } else if rest.hasPrefix("http://") {
            secure = false
            rest = rest.dropFirst(7)
        } else {
            return nil
        }
        if rest.last == "/" { rest.removeLast() }
        guard let (host, port) = splitAuthority(rest) else { return nil }
        self.init(secure: secure, host: host, port: port)
    }

    /// Whether only this machine reaches it.
    package var isLoopback: Bool { host == "localhost" || IPAddress(host)?.isLoopback == true }

    public var description: String {
        (secure ? "https://" : "http://") + (host.contains(":") ? "[\(host)]" : host) + (port.map { ":\($0)" } ?? "")
    }
}
