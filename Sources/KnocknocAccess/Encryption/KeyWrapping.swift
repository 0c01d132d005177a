import Crypto
import FoundationEssentials
public import KnocknocModel

/// How an ``EncryptionKey`` wraps the data key: HKDF-SHA-256 (RFC 5869) makes one key for wrapping and one value for
/// recognising it, so that neither tells anything of the other.
public enum KeyWrapping {
    static let name = "aes-256-gcm"
    static let unwrapped = "none"
    private static let bound = Data("knocknoc data key".utf8)

    /// Whether this is the key that the site's data key is wrapped with.
    public static func fits(_ key: EncryptionKey, checkValue: [UInt8]) -> Bool {
        // Compared in constant time.
        derived(key, "knocknoc check value") == SymmetricKey(data: checkValue)
    }

    static func checkValue(_ key: EncryptionKey) -> [UInt8] { bytes(derived(key, "knocknoc check value")) }

    static func wrap(_ dataKey: SymmetricKey, with key: EncryptionKey) throws -> [UInt8] {
        let box = try AES.GCM.seal(bytes(dataKey), using: derived(key, "knocknoc key wrap"), authenticating: bound)
        return Array(box.nonce) + box.ciphertext + box.tag
    }

    /// - Throws: CryptoKit's error where the key is another one or the material was changed.
    static func unwrap(_ material: [UInt8], with key: EncryptionKey) throws -> SymmetricKey {
        let box = try AES.GCM.SealedBox(combined: material)
        return SymmetricKey(
            data: try AES.GCM.open(box, using: derived(key, "knocknoc key wrap"), authenticating: bound))
    }

    static func bytes(_ key: SymmetricKey) -> [UInt8] { key.withUnsafeBytes { Array($0) } }

    private static func derived(_ key: EncryptionKey, _ purpose: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: key.bytes), info: Data(purpose.utf8), outputByteCount: 32)
    }
}
