import Crypto
import FoundationEssentials

/// The tokens of `AgentTokens`: as they are, or as `sha256:` and their hash, which tells nobody the token.
enum AgentTokenList {
    /// - Returns: nil where one of them cannot be used.
    static func hashes(_ text: String) -> Set<[UInt8]>? {
        var hashes: Set<[UInt8]> = []
        for part in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            guard let hash = part.hasPrefix("sha256:") ? hexadecimal(part.dropFirst(7)) : plain(part) else {
                return nil
            }
            hashes.insert(hash)
        }
        return hashes
    }

    /// A hash alone.
    static func hash(_ text: String) -> [UInt8]? { text.hasPrefix("sha256:") ? hexadecimal(text.dropFirst(7)) : nil }

    private static func plain(_ token: Substring) -> [UInt8]? {
        guard token.utf8.count >= 43, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
        return Array(SHA256.hash(data: Data(token.utf8)))
    }

    private static func hexadecimal(_ text: Substring) -> [UInt8]? {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == 64, digits.count == text.count else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }
}
