import KnocknocModel
import KnocknocSystem

/// Where this machine has the key that wraps the site's data key.
enum SiteKey {
    /// The key of this machine's server: what its file says, else the file that systemd hands to it.
    ///
    /// - Returns: nil where the site has none.
    /// - Throws: ``SystemError`` `invalid` where what is there is no key.
    static func find(_ settings: SiteSettings, _ layout: InstallLayout) throws -> EncryptionKey? {
        let file = SystemFile(layout.encryptionKey)
        let text = try settings.encryptionKey ?? file.text().flatMap { EncryptionKey.line(of: $0) }
        guard let text, text.lowercased() != "none" else { return nil }
        guard let key = EncryptionKey(text) else {
            let place = settings.encryptionKey == nil ? file.path : "EncryptionKey"
            throw SystemError(.invalid, "\(place) is not a key: expected one as knocknoc genkey prints it")
        }
        return key
    }
}
