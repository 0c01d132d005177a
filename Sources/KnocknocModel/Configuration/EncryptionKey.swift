/// The 256 bits that wrap a site's data key: every web node has them, the database has not.
public struct EncryptionKey: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    public let bytes: [UInt8]

    /// A new one.
    public init() {
        var generator = SystemRandomNumberGenerator()
        bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// Reads 64 hexadecimal digits, or base64url (RFC 4648 §5) or plain base64, with or without padding.
    ///
    /// - Returns: nil where it is none of these, or not 32 bytes.
    public init?(_ text: String) {
        let characters = Array(text.utf8)
        guard let bytes = characters.count == 64 ? Self.hexadecimal(characters) : Self.base64URL(text) else {
            return nil
        }
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
    public var text: String { Base64URL.encode(bytes) }

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

    /// 43 characters hold two bits more than 32 bytes: only zeros, so that a key has one spelling.
    private static func base64URL(_ text: String) -> [UInt8]? {
        guard text.filter({ $0 != "=" }).utf8.count == 43, let bytes = Base64URL.decode(text),
            Base64URL.encode(bytes).utf8.last == last(of: text)
        else { return nil }
        return bytes
    }

    private static func last(of text: String) -> UInt8? {
        let last = text.utf8.last { $0 != UInt8(ascii: "=") }
        return last == UInt8(ascii: "+") ? UInt8(ascii: "-") : last == UInt8(ascii: "/") ? UInt8(ascii: "_") : last
    }
}
