public import KnocknocModel

/// What a node was told about the site's data key.
public enum KeyProtection: Hashable, Sendable {
    /// Nothing: a site without a data key gets none; one that is unwrapped is used.
    case notGiven
    /// `EncryptionKey = none`: the data key stands in the database as it is, and whoever has the database has it.
    case unwrapped
    /// Only nodes with this key can use the database's secrets.
    case wrapped(EncryptionKey)
}
