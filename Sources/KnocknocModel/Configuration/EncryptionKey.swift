/// The 256 bits that wrap a site's data key: every web node has them, the database has not.
public struct EncryptionKey: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    public let bytes: [UInt8]

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// A new one.
    public init() {
        var generator = SystemRandomNumberGenerator()
        bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Reads 64 hexadecimal digits, or base64url (RFC 4648 §5) with or without its padding.
    ///
    /// - Returns: nil where it is neither, or not 32 bytes.
    public init?(_ text: String) {
        let characters = Array(text.utf8)
        let bytes =
            characters.count == 64 ? Self.hexadecimal(characters) : Self.base64URL(characters)
        guard let bytes, bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// What a key's file or a systemd credential holds: its first line that is neither empty nor a comment (`#`).
    ///
    /// - Returns: nil where there is none: the file is there, and the site has no key.
    public static func line(of file: String) -> String? {
        for row in file.split(whereSeparator: \.isNewline) {
            let line = row.split(whereSeparator: \.isWhitespace).joined()
            if !line.isEmpty, !line.hasPrefix("#") { return line }
        }
        return nil
    }

    /// In base64url without padding, as files and connection strings have it. A secret.
    public var text: String {
        var result: [UInt8] = []
        for index in stride(from: 0, to: bytes.count, by: 3) {
            let rest = bytes[index..<min(index + 3, bytes.count)]
            let number = rest.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - rest.count))
            for position in 0...rest.count { result.append(Self.alphabet[number >> (18 - 6 * position) & 63]) }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Says nothing of the key, so that none comes into a log by accident.
    public var description: String { "EncryptionKey(…)" }

    public var customMirror: Mirror { Mirror(self, children: []) }

    private static func hexadecimal(_ characters: [UInt8]) -> [UInt8]? {
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: characters.count, by: 2) {
            guard let high = nibble(characters[index]), let low = nibble(characters[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func nibble(_ character: UInt8) -> UInt8? {
        switch character {
        case 48...57: character - 48
        case 65...70: character - 55
        case 97...102: character - 87
        default: nil
        }
    }

    private static func base64URL(_ characters: [UInt8]) -> [UInt8]? {
        var characters = characters
        while characters.last == UInt8(ascii: "=") { characters.removeLast() }
        // 43 characters hold two bits more than 32 bytes: only zeros, so that a key has one spelling.
        guard characters.count == 43 else { return nil }
        var bytes: [UInt8] = []
        var (bits, count) = (0, 0)
        for character in characters {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(bits >> count & 255))
            }
        }
        return bits & 3 == 0 ? bytes : nil
    }
}
