import Crypto

/// Comparison and making of secrets.
enum Secret {
    /// Compares in a time that depends on the lengths only.
    static func equal(_ one: String, _ other: String) -> Bool {
        let left = Array(one.utf8)
        let right = Array(other.utf8)
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// `count` random bytes in base64url without padding (RFC 4648 §5).
    static func random(bytes count: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return base64URL((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// The form token that belongs to a pre-session cookie.
    static func formToken(for cookie: String) -> String {
        base64URL(Array(SHA256.hash(data: Array("knocknoc form".utf8) + Array(cookie.utf8))))
    }

    static func base64URL(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let rest = bytes[index..<min(index + 3, bytes.count)]
            let number = rest.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - rest.count))
            for position in 0...rest.count { result.append(alphabet[number >> (18 - 6 * position) & 63]) }
            index += 3
        }
        return String(decoding: result, as: UTF8.self)
    }
}
