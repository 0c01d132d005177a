import KnocknocModel

/// What the other nodes are given as their `DatabaseURL`.
struct ConnectionString: Sendable {
    var login: String
    var password: String
    var host: String
    var port: Int
    var database: String
    var key: EncryptionKey?
    /// Without TLS, channel binding and key.
    var isPlain: Bool

    var text: String {
        let place = IPAddress(host).map { $0.family == .v6 } ?? false ? "[\(host)]" : host
        let base =
            "postgres://\(URLText.encoded(login)):\(URLText.encoded(password))@\(place):\(port)/\(URLText.encoded(database))"
        guard !isPlain else { return base }
        return base + "?sslmode=require&channel_binding=require" + (key.map { "&knocknoc_key=\($0.text)" } ?? "")
    }

    /// 192 random bits in hexadecimal, which no URL has to encode.
    static func newPassword() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<48).map { _ in String(UInt8.random(in: 0..<16, using: &generator), radix: 16) }.joined()
    }
}
