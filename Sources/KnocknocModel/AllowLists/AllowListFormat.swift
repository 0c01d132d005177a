/// How a list is written.
public enum AllowListFormat: String, Hashable, Sendable, CaseIterable {
    /// One address or network on each line.
    case text = "txt"
    case json

    public var contentType: String {
        switch self {
        case .text: "text/plain; charset=utf-8"
        case .json: "application/json"
        }
    }
}

/// What a request for a list asks for.
public struct AllowListRequest: Hashable, Sendable {
    public var list: AllowListID
    public var format: AllowListFormat

    /// Where lists are, on servers and agents alike.
    public static let folder = "/edl/"
    /// `WWW-Authenticate` where the key is missing or unknown.
    public static let challenge = "Basic realm=\"Knocknoc allow lists\", charset=\"UTF-8\""

    /// - Parameters:
    ///   - name: what follows ``folder``: a UUID, with `.txt` or `.json` or nothing.
    ///   - accept: the header; it decides where the name does not, and plain text is what clients get by default.
    /// - Returns: nil where no list can have that name.
    public init?(name: some StringProtocol, accept: String?) {
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let list = AllowListID(String(parts[0])) else { return nil }
        self.list = list
        if parts.count == 2 {
            guard let format = AllowListFormat(rawValue: String(parts[1])) else { return nil }
            self.format = format
        } else {
            format = Self.prefersJSON(accept) ? .json : .text
        }
    }

    /// Whether JSON is named with a higher weight than anything that plain text would satisfy (RFC 9110 §12.5.1).
    private static func prefersJSON(_ accept: String?) -> Bool {
        var (json, text) = (0.0, 0.0)
        for range in (accept ?? "").split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.filter { !$0.isWhitespace }.lowercased() }
            guard let type = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            if type == "application/json" { json = max(json, weight) }
            if ["text/plain", "text/*", "*/*"].contains(type) { text = max(text, weight) }
        }
        return json > text
    }
}
