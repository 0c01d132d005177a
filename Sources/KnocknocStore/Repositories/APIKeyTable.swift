package import KnocknocModel

/// The statements about API keys.
package enum APIKeyTable {
    private static let columns = """
        select k.id, k.name, k.secret_hash, k.scopes, k.networks, k.expires_at, k.disabled, k.last_used_at,
            k.last_address, k.version, k.created_at
        from api_keys k
        """

    /// What an administrator says of a key.
    package struct Terms: Sendable {
        package var name: String
        package var key: String
        package var scopes: String
        package var networks: String
        package var expiresAt: Timestamp?
        package var disabled: Bool

        package init(
            name: String, key: String, scopes: String, networks: String, expiresAt: Timestamp?, disabled: Bool
        ) {
            self.name = name
            self.key = key
            self.scopes = scopes
            self.networks = networks
            self.expiresAt = expiresAt
            self.disabled = disabled
        }
    }

    package static func list(after: APIKeyID?, limit: Int) -> Statement {
        Statement(constants: "\(columns) where k.id > $1 order by k.id limit $2", [after?.description ?? "", limit])
    }

    package static func one(_ id: APIKeyID) -> Statement { Statement(constants: "\(columns) where k.id = $1", [id]) }

    package static func some(_ ids: [APIKeyID]) -> [Statement] {
        SQLList.statements(ids) { list in "\(columns) where k.id in (\(list))" }
    }

    /// Those that count at `now`.
    package static func usable(at now: Timestamp) -> Statement {
        Statement(
            constants:
                "\(columns) where k.disabled = 0 and (k.expires_at is null or k.expires_at > $1) order by k.id",
            [now])
    }

    package static func insert(_ id: APIKeyID, _ terms: Terms, hash: [UInt8], now: Timestamp) -> Statement {
        Statement(
            """
            insert into api_keys (id, name, name_key, secret_hash, scopes, networks, expires_at, disabled,
                created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
            """, id, terms.name, terms.key, hash, terms.scopes, terms.networks, terms.expiresAt, terms.disabled, now)
    }

    package static func update(_ id: APIKeyID, version: Int64, _ terms: Terms, now: Timestamp) -> Statement {
        Statement(
            """
            update api_keys set name = $3, name_key = $4, scopes = $5, networks = $6, expires_at = $7, disabled = $8,
                version = version + 1, updated_at = $9
            where id = $1 and version = $2
            returning id
            """, id, version, terms.name, terms.key, terms.scopes, terms.networks, terms.expiresAt, terms.disabled,
            now)
    }

    /// - Parameter version: nil deletes whichever there is.
    package static func delete(_ id: APIKeyID, version: Int64?) -> Statement {
        Statement("delete from api_keys where id = $1 and ($2 < 0 or version = $2) returning id", id, version ?? -1)
    }

    package static func used(_ id: APIKeyID, at now: Timestamp, from address: IPAddress) -> Statement {
        Statement(
            """
            update api_keys set last_used_at = $2, last_address = $3
            where id = $1 and (last_used_at is null or last_used_at < $2)
            """, id, now, address)
    }

    /// Ends keys that nobody has used, or changed, since `since`.
    package static func endIdle(since: Timestamp, now: Timestamp) -> Statement {
        Statement(
            """
            update api_keys set disabled = 1, version = version + 1, updated_at = $2
            where disabled = 0 and updated_at < $1 and (last_used_at is null or last_used_at < $1)
            returning id, name
            """, since, now)
    }
}
