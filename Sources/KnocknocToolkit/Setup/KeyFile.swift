public import KnocknocModel
public import KnocknocSystem

/// The site's EncryptionKey as a web node keeps it: a file of root's, which systemd hands to the service.
public struct KeyFile: Sendable {
    public let file: SystemFile

    public init(_ layout: InstallLayout) { file = SystemFile(layout.encryptionKey) }

    /// The key; nil where there is no file, or one that says that the site has none.
    ///
    /// - Throws: ``SystemError`` `invalid` where what stands there is no key.
    public func key() throws(SystemError) -> EncryptionKey? {
        guard let text = try file.text(), let line = EncryptionKey.line(of: text) else { return nil }
        guard let key = EncryptionKey(line) else {
            throw SystemError(
                .invalid, "\(file.path) holds no key: expected 43 characters of base64url or 64 hexadecimal digits")
        }
        return key
    }

    /// Writes the key, or that there is none: the unit wants the file to be there.
    public func write(_ key: EncryptionKey?) throws(SystemError) {
        let text = key.map { $0.text + "\n" } ?? "# This site has no EncryptionKey.\n"
        try file.replace(with: text, attributes: .init(mode: 0o600), keepingBackup: false)
    }
}
