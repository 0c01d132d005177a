/// `HOST:PORT` to listen on, IPv6 in brackets.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    public var host: String
    /// 0 lets the system choose.
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public init?(_ text: String) {
        guard let (host, port) = splitAuthority(text[...]), let port else { return nil }
        self.init(host: host, port: port)
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// The host and port of `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`; nil where it is none of these.
package func splitAuthority(_ text: Substring) -> (host: String, port: Int?)? {
    var host = text
    var rest: Substring = ""
    if text.first == "[" {
        guard let end = text.firstIndex(of: "]") else { return nil }
        host = text[text.index(after: text.startIndex)..<end]
        rest = text[text.index(after: end)...]
        guard host.contains(":") else { return nil }
    } else if let colon = text.firstIndex(of: ":") {
        host = text[..<colon]
        rest = text[colon...]
    }
    guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != 47 && $0 != 64 }) else { return nil }
    if rest.isEmpty { return (String(host), nil) }
    let digits = rest.dropFirst()
    guard rest.first == ":", digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
        return nil
    }
    return (String(host), Int(port))
}
