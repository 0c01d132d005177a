import KnocknocModel
import KnocknocSystem

/// The key that wraps the site's data key, in the forms that people and programs hand it on.
public struct SiteKey: Hashable, Sendable {
    private let bytes: [UInt8]

    /// Reads 32 bytes in hexadecimal, as `knocknoc genkey` prints them, or in base64 or base64url.
    ///
    /// - Returns: nil for anything else.
    public init?(_ text: String) {
        let text = text.filter { !$0.isWhitespace }
        if text.utf8.count == 64 {
            let digits = text.compactMap(\.hexDigitValue).map { UInt8($0) }
            guard digits.count == 64 else { return nil }
            bytes = stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        } else {
            guard let decoded = Base64URL.decode(text), decoded.count == 32 else { return nil }
            bytes = decoded
        }
    }

    /// RFC 4648 §5 without padding; what a connection string carries.
    public var base64URL: String { Base64URL.encode(bytes) }

    /// The key of this machine's server: what its file says, else the file that systemd hands to it.
    ///
    /// - Returns: nil where the site has none.
    /// - Throws: ``SystemError`` `invalid` where what is there is no key.
    static func find(_ settings: SiteSettings, _ layout: InstallLayout) throws -> SiteKey? {
        let file = SystemFile(layout.encryptionKey)
        let text = try settings.encryptionKey ?? file.text().flatMap { EncryptionKey.line(of: $0) }
        guard let text, text.lowercased() != "none" else { return nil }
        guard let key = SiteKey(text) else {
            let place = settings.encryptionKey == nil ? file.path : "EncryptionKey"
            throw SystemError(
                .invalid, "\(place) is not a key: expected 64 hexadecimal digits, as knocknoc genkey prints them")
        }
        return key
    }
}
