/// A page that somebody came from who was refused there, and goes back to once access is granted (`?referrer=`).
///
/// It is read strictly: whatever two programs might read in two ways is none.
public struct ReturnAddress: Hashable, Sendable {
    /// The whole address, in ASCII.
    public let text: String
    /// Scheme, host and port.
    public let origin: WebOrigin

    private static let limit = 4096

    /// - Returns: nil where it is not `https://HOST[:PORT]…` or `http://…` as a browser sends it.
    public init?(_ text: String) {
        let isPlain = text.utf8.allSatisfy { $0 > 32 && $0 < 127 && !#""<>\^`{|}"#.utf8.contains($0) }
        guard isPlain, text.utf8.count <= Self.limit, let scheme = text.firstRange(of: "://") else { return nil }
        let end = text[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? text.endIndex
        guard let origin = WebOrigin(String(text[..<end])), Self.isHost(origin.host) else { return nil }
        self.text = text
        self.origin = origin
    }

    private static func isHost(_ host: String) -> Bool {
        if host.contains(":") { return IPAddress(host) != nil }
        return host.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (97...122).contains(byte) || byte == 45 || byte == 46 || byte == 95
        }
    }

    /// Whether it is at the base URL of a Knoc: the same scheme, host and port.
    public func isAt(_ url: String) -> Bool { ReturnAddress(url)?.origin == origin }

    /// How much of the address a Knoc's base URL covers: more for a longer path, by whole segments; 0 where it is at the
    /// same scheme, host and port and at another path; nil where it is elsewhere.
    public func coverage(by url: String) -> Int? {
        guard let base = ReturnAddress(url), base.origin == origin else { return nil }
        let covering = base.segments
        return segments.starts(with: covering) ? covering.count + 1 : 0
    }

    private var segments: [Substring] {
        // Scheme, nothing and host come first.
        let path = text.prefix { !"?#".contains($0) }
        var segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(3)
        if segments.last == "" { segments.removeLast() }
        return Array(segments)
    }

    /// As the value of a query's field.
    public var escaped: String { text.queryEscaped }
}

extension String {
    /// As the value of a query's field (RFC 3986 §2.3): what is not unreserved is escaped.
    public var queryEscaped: String {
        let digits = Array("0123456789ABCDEF")
        return utf8.map { byte in
            let isPlain =
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || "-._~".utf8.contains(byte)
            return isPlain
                ? String(UnicodeScalar(byte)) : "%" + String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        }.joined()
    }
}
