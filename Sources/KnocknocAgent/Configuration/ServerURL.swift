import KnocknocModel

/// Where a web node takes agents' links: `https://HOST[:PORT][/PREFIX]`.
public struct ServerURL: Hashable, Sendable, CustomStringConvertible {
    public let secure: Bool
    /// A name or an address, without brackets, in lower case.
    public let host: String
    public let port: Int
    /// What stands before `/agent/v1/link`; no slash at its end.
    public let prefix: String

    /// - Returns: nil for anything but http, https, ws or wss with a host; user information, queries and fragments are
    ///   refused, because a URL is logged.
    public init?(_ text: String) {
        guard let (scheme, rest) = Self.split(text, at: "://"),
            let secure = ["https": true, "wss": true, "http": false, "ws": false][scheme.lowercased()],
            !rest.contains(where: { $0 == "@" || $0 == "?" || $0 == "#" || $0.isWhitespace })
        else { return nil }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        var prefix = rest[slash...]
        while prefix.last == "/" { prefix.removeLast() }
        guard let (host, port) = Self.authority(authority, standard: secure ? 443 : 80) else { return nil }
        self.secure = secure
        self.host = host
        self.port = port
        self.prefix = String(prefix)
    }

    public var path: String { prefix + "/agent/v1/link" }

    /// What the Host header carries: the host, with its port unless that is the scheme's own (RFC 9110 §7.2).
    public var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (secure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// Whether the way to it stays on this machine.
    public var isLoopback: Bool {
        host == "localhost" || host.hasSuffix(".localhost") || IPAddress(host)?.isLoopback == true
    }

    public var description: String { "\(secure ? "https" : "http")://\(authority)\(prefix)" }

    /// Splits `HOST:PORT`, `[V6]:PORT` or a bare host.
    static func authority(_ text: Substring, standard: Int) -> (host: String, port: Int)? {
        var host = text
        var port = standard
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<close]
            let tail = text[text.index(after: close)...]
            guard IPAddress(String(host))?.family == .v6 || host == "::ffff:127.0.0.1" else { return nil }
            if !tail.isEmpty {
                guard tail.first == ":", let number = portNumber(tail.dropFirst()) else { return nil }
                port = number
            }
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            guard let number = portNumber(text[text.index(after: colon)...]) else { return nil }
            port = number
        }
        let fits = host.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                || [45, 46, 58, 95].contains($0)
        }
        guard !host.isEmpty, fits else { return nil }
        return (host.lowercased(), port)
    }

    private static func portNumber(_ text: Substring) -> Int? {
        guard let port = Int(text), (1...65535).contains(port), text.first != "+" else { return nil }
        return port
    }

    private static func split(_ text: String, at separator: String) -> (String, Substring)? {
        guard let range = text.firstRange(of: separator) else { return nil }
        return (String(text[..<range.lowerBound]), text[range.upperBound...])
    }
}

extension ServerURL {
    static func isAddress(_ host: String) -> Bool { IPAddress(host) != nil }
}
