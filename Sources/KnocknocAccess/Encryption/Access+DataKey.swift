import Crypto
import KnocknocModel
import KnocknocStore

extension Access {
    /// The site's data key.
    ///
    /// - Throws: ``AccessError`` `encryptionKey` where the site has none, since no node was ever given an EncryptionKey.
    public func dataKey() throws(AccessError) -> DataKey {
        guard let key = dataKeys.value else {
            throw AccessError(
                .encryptionKey,
                "this site has no key to seal secrets with: set EncryptionKey on every web node (knocknoc genkey prints "
                    + "one), or EncryptionKey = none to keep the site's secrets readable in its database")
        }
        return key
    }

    /// Takes the site's data key, which the first node that is given an EncryptionKey makes. A key that stood unwrapped
    /// is wrapped by the first node that is given one.
    ///
    /// - Throws: ``AccessError`` `encryptionKey` where what was given is not what this site's data key is wrapped with.
    public func unlock(_ protection: KeyProtection) async throws {
        var row = try await database.run(DataKeyTable.one()).first
        if row == nil, protection != .notGiven { row = try await make(protection) }
        guard let found = row else { return dataKeys.set(nil) }
        var key = try open(found, protection)
        if case .wrapped(let encryptionKey) = protection, try found.text("wrapping") == KeyWrapping.unwrapped {
            // Another node may have wrapped it with another key meanwhile.
            let wrapped = try await wrap(key, with: encryptionKey)
            key = try open(wrapped, protection)
        }
        dataKeys.set(key)
    }

    private func open(_ row: Row, _ protection: KeyProtection) throws -> DataKey {
        let material = try row.blob("material")
        guard try row.text("wrapping") != KeyWrapping.unwrapped else {
            return DataKey(key: SymmetricKey(data: material))
        }
        guard case .wrapped(let key) = protection else {
            throw AccessError(
                .encryptionKey,
                "this site's data key is wrapped and this node has no EncryptionKey: give it the one that the other web "
                    + "nodes have (/opt/knocknoc/etc/encryption.key there; knocker exposedb prints it in its string)")
        }
        let check = try row.optional("check_value", row.blob) ?? []
        guard KeyWrapping.fits(key, checkValue: check) else {
            throw AccessError(
                .encryptionKey,
                "EncryptionKey is not this site's: its data key is wrapped with another one; give this node the one that "
                    + "the other web nodes have")
        }
        do { return DataKey(key: try KeyWrapping.unwrap(material, with: key)) } catch {
            throw AccessError(
                .encryptionKey,
                "EncryptionKey is this site's, and the wrapped data key in the database (table data_keys) is damaged; "
                    + "restore that row from a backup")
        }
    }

    private func make(_ protection: KeyProtection) async throws -> Row? {
        let key = SymmetricKey(size: .bits256)
        let (wrapping, material, check): (String, [UInt8], [UInt8]?)
        if case .wrapped(let encryptionKey) = protection {
            wrapping = KeyWrapping.name
            material = try KeyWrapping.wrap(key, with: encryptionKey)
            check = KeyWrapping.checkValue(encryptionKey)
        } else {
            (wrapping, material, check) = (KeyWrapping.unwrapped, KeyWrapping.bytes(key), nil)
        }
        return try await change("site.make_data_key", wrapping) { now in
            DataKeyTable.insert(wrapping: wrapping, material: material, checkValue: check, now: now)
        }
    }

    private func wrap(_ key: DataKey, with encryptionKey: EncryptionKey) async throws -> Row {
        let material = try KeyWrapping.wrap(key.key, with: encryptionKey)
        let row = try await change("site.wrap_data_key", KeyWrapping.name) { now in
            DataKeyTable.wrap(
                wrapping: KeyWrapping.name, material: material, checkValue: KeyWrapping.checkValue(encryptionKey),
                now: now)
        }
        guard let row else { throw StoreError(.decoding, "the data key's row is gone") }
        return row
    }

    /// Writes the row where nobody was faster, and reads what stands there then.
    private func change(
        _ action: String, _ wrapping: String, _ statement: @Sendable (Timestamp) -> Statement
    ) async throws -> Row? {
        try await write { tx in
            let now = try await clock(tx)
            let isOurs = try await tx.run(statement(now)).first != nil
            if isOurs {
                try await tx.run(
                    try audit(AuditLine(action, by: .system, nil, ["wrapping": wrapping]), at: now, nil))
            }
            return (try await tx.run(DataKeyTable.one()).first, Effects())
        }
    }
}
