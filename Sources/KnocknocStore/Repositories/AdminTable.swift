package import KnocknocModel

/// The statements about administrators and the link that makes the first of them.
package enum AdminTable {
    package static func credentials(key: String) -> Statement {
        Statement("select id, name, password_hash, disabled from admins where name_key = $1", key)
    }

    package static func lock(_ id: AdminID, passwordHash: String) -> Statement {
        Statement(
            """
            update admins set version = version where id = $1 and password_hash = $2 and disabled = 0
            returning id, name
            """, id, passwordHash)
    }

    package static func list(after: AdminID?, limit: Int) -> Statement {
        Statement(
            """
            select id, name, disabled, version, created_at from admins where id > $1 order by id limit $2
            """, after?.description ?? "", limit)
    }

    package static func one(_ id: AdminID) -> Statement {
        Statement("select id, name, disabled, version, created_at from admins where id = $1", id)
    }

    package static func insert(_ id: AdminID, name: String, key: String, passwordHash: String, now: Timestamp)
        -> Statement
    {
        Statement(
            """
            insert into admins (id, name, name_key, password_hash, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $5)
            """, id, name, key, passwordHash, now)
    }

    /// Writes the row if it still has `version`. A nil password hash keeps the one that is there.
    package static func update(
        _ id: AdminID, version: Int64, name: String, key: String, passwordHash: String?, disabled: Bool,
        now: Timestamp
    ) -> Statement {
        Statement(
            """
            update admins set name = $3, name_key = $4, password_hash = coalesce($5, password_hash), disabled = $6,
                version = version + 1, updated_at = $7
            where id = $1 and version = $2
            returning id
            """, id, version, name, key, passwordHash, disabled, now)
    }

    package static func setPassword(key: String, passwordHash: String, now: Timestamp) -> Statement {
        Statement(
            """
            update admins set password_hash = $2, version = version + 1, updated_at = $3 where name_key = $1
            returning id, name
            """, key, passwordHash, now)
    }

    /// - Parameter version: nil deletes whichever there is.
    package static func delete(_ id: AdminID, version: Int64?) -> Statement {
        Statement("delete from admins where id = $1 and ($2 < 0 or version = $2) returning id", id, version ?? -1)
    }

    /// Locks the enabled administrators, so that two of them cannot remove each other at once.
    package static func lockEnabled() -> Statement {
        Statement("update admins set version = version where disabled = 0 returning id")
    }

    package static func any() -> Statement { Statement("select id from admins limit 1") }

    /// A link that is still good.
    package static func link(token hash: [UInt8], now: Timestamp) -> Statement {
        Statement(
            "select created_at from admin_links where token_hash = $1 and used_at is null and expires_at > $2", hash,
            now)
    }

    package static func forgetLinks(before now: Timestamp) -> Statement {
        Statement("delete from admin_links where expires_at <= $1", now)
    }

    package static func forgetLinks() -> Statement { Statement("delete from admin_links") }

    package static func insertLink(token hash: [UInt8], now: Timestamp, expiresAt: Timestamp) -> Statement {
        Statement(
            "insert into admin_links (token_hash, created_at, expires_at) values ($1, $2, $3)", hash, now, expiresAt)
    }

    package static func useLink(token hash: [UInt8], now: Timestamp) -> Statement {
        Statement(
            """
            update admin_links set used_at = $2
            where token_hash = $1 and used_at is null and expires_at > $2
            returning created_at
            """, hash, now)
    }
}
