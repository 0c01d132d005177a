import KnocknocModel

/// What the other nodes are given as their `DatabaseURL`.
struct ConnectionString: Sendable {
    var login: String
    var password: String
    var host: String
    var port: Int
    var database: String
    var key: SiteKey?
    /// Without TLS, channel binding and key.
    var isPlain: Bool

    var text: String {
        let place = IPAddress(host).map { $0.family == .v6 } ?? false ? "[\(host)]" : host
        let base =
            "postgres://\(Self.encoded(login)):\(Self.encoded(password))@\(place):\(port)/\(Self.encoded(database))"
        guard !isPlain else { return base }
        return base + "?sslmode=require&channel_binding=require" + (key.map { "&knocknoc_key=\($0.base64URL)" } ?? "")
    }

    /// RFC 3986 §2.1: everything but unreserved characters.
    private static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.map { byte -> String in
            let isPlain =
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || [45, 46, 95, 126].contains(byte)
            return isPlain
                ? String(UnicodeScalar(byte)) : "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }.joined()
    }
}
