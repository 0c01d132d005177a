import Crypto
import FoundationEssentials

/// Tokens: 256 random bits in base64url, stored as their SHA-256.
enum Secret {
    /// Characters of a token.
    static let length = 43

    static func new() -> String {
        var generator = SystemRandomNumberGenerator()
        return base64url((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    static func hash(_ token: String) -> [UInt8] { hash(Array(token.utf8)) }

    static func hash(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }

    /// The value that writes by cookie carry: bound to the token and useless without it.
    static func csrf(_ token: String) -> String {
        base64url(Array(SHA256.hash(data: Data("knocknoc csrf".utf8) + Data(token.utf8))))
    }

    static func base64url(_ bytes: [UInt8]) -> String {
        String(
            Data(bytes).base64EncodedString().compactMap { character in
                switch character {
                case "+": "-"
                case "/": "_"
                case "=": nil
                default: character
                }
            })
    }

    /// SHA-256 over an agent's signing and sealing keys, as the agent prints it; nil where one cannot be read.
    static func fingerprint(signing: String, sealing: String) -> String? {
        guard let one = Data(base64Encoded: signing), let two = Data(base64Encoded: sealing) else { return nil }
        let text = Data(SHA256.hash(data: one + two)).base64EncodedString()
        return "SHA256:" + text.prefix { $0 != "=" }
    }
}
