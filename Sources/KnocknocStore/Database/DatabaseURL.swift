/// A site's `DatabaseURL`, taken apart as far as choosing a driver needs.
public struct DatabaseURL: Hashable, Sendable, CustomStringConvertible {
    public let engine: Engine
    /// For Postgres the URI without our own parameters, for SQLite the absolute path. Holds the password.
    public let location: String
    /// The site's encryption key from `knocknoc_key=…`, which is ours and not libpq's.
    public let encryptionKey: String?

    /// - Parameters:
    ///   - text: `postgres://…`, `postgresql://…` or `sqlite:///absolute/path`.
    ///   - setting: where it comes from, for messages.
    /// - Throws: ``StoreError`` `configuration`; its message never repeats a password.
    public init(_ text: String, setting: String = "DatabaseURL") throws(StoreError) {
        if text.hasPrefix("sqlite:") {
            let path = text.hasPrefix("sqlite://") ? String(text.dropFirst(9)) : String(text.dropFirst(7))
            guard path.hasPrefix("/"), path.count > 1, !path.hasSuffix("/") else {
                throw StoreError(
                    .configuration,
                    "\(setting): expected sqlite:///absolute/path/to/file (three slashes), not \"\(text)\"")
            }
            engine = .sqlite
            location = path
            encryptionKey = nil
        } else if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
            engine = .postgres
            (location, encryptionKey) = Self.takeKey(from: text)
        } else {
            let scheme = text.prefix { $0.isLetter || $0.isNumber }
            throw StoreError(
                .configuration,
                "\(setting): expected postgres://…, postgresql://… or sqlite:///absolute/path, not a URL that begins "
                    + "with \"\(scheme)\"")
        }
    }

    /// The URL without passwords and keys.
    public var description: String {
        switch engine {
        case .sqlite: "sqlite://" + location
        case .postgres: Self.redact(location)
        }
    }

    private static func takeKey(from text: String) -> (String, String?) {
        guard let mark = text.firstIndex(of: "?") else { return (text, nil) }
        var key: String?
        let kept = text[text.index(after: mark)...].split(separator: "&").filter { parameter in
            guard let (name, value) = pair(parameter), name == "knocknoc_key" else { return true }
            key = decoded(value)
            return false
        }
        return (text[..<mark] + (kept.isEmpty ? "" : "?" + kept.joined(separator: "&")), key)
    }

    private static func redact(_ text: String) -> String {
        let scheme = text.prefix { $0 != ":" } + "://"
        let rest = text.dropFirst(scheme.count)
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var authority = String(parts[0])
        if let at = authority.lastIndex(of: "@") {
            let user = authority[..<at].prefix { $0 != ":" }
            authority = user + (user.count < authority[..<at].count ? ":***" : "") + authority[at...]
        }
        guard parts.count == 2 else { return scheme + authority }
        let secrets = ["password", "sslpassword", "passfile", "knocknoc_key"]
        let parameters = parts[1].split(separator: "&").map { parameter in
            guard let (name, _) = pair(parameter), secrets.contains(name) else { return String(parameter) }
            return name + "=***"
        }
        return scheme + authority + "?" + parameters.joined(separator: "&")
    }

    /// Name and value of a parameter; libpq decodes the name too.
    private static func pair(_ parameter: Substring) -> (name: String, value: Substring)? {
        guard let equals = parameter.firstIndex(of: "=") else { return nil }
        return (decoded(parameter[..<equals]), parameter[parameter.index(after: equals)...])
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
