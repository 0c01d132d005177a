package import KnocknocModel

/// The statements about people who may hold access, and their groups.
package enum UserTable {
    private static let columns = """
        select u.id, u.name, u.display_name, u.email, u.session_seconds, u.disabled, u.version, u.created_at,
            m.group_id
        """

    /// For a sign-in, with the database's time.
    package static func credentials(key: String) -> Statement {
        Statement(
            """
            select id, name, password_hash, disabled from users where name_key = $1
            """, key)
    }

    /// The row as it is now, where the password that was checked is still the user's; it stays so until the commit.
    package static func lock(_ id: UserID, passwordHash: String) -> Statement {
        Statement(
            """
            update users set version = version where id = $1 and password_hash = $2 and disabled = 0
            returning id, name, display_name, session_seconds
            """, id, passwordHash)
    }

    /// A row for each group of each user, in order of ids after `after`.
    package static func list(after: UserID?, limit: Int) -> Statement {
        Statement(
            constants: """
                \(columns)
                from (select x.* from users x where x.id > $1 order by x.id limit $2) u
                left join group_members m on m.user_id = u.id
                order by u.id, m.group_id
                """, [after?.description ?? "", limit])
    }

    package static func one(_ id: UserID) -> Statement {
        Statement(
            constants: """
                \(columns)
                from users u
                left join group_members m on m.user_id = u.id
                where u.id = $1
                order by m.group_id
                """, [id])
    }

    package static func insert(
        _ id: UserID, name: String, key: String, displayName: String?, email: String?, passwordHash: String?,
        sessionSeconds: Int64?, disabled: Bool, now: Timestamp
    ) -> Statement {
        Statement(
            """
            insert into users (id, name, name_key, display_name, email, password_hash, session_seconds, disabled,
                created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
            """, id, name, key, displayName, email, passwordHash, sessionSeconds, disabled, now)
    }

    /// Writes the row if it still has `version`. A nil password hash keeps the one that is there.
    package static func update(
        _ id: UserID, version: Int64, name: String, key: String, displayName: String?, email: String?,
        passwordHash: String?, sessionSeconds: Int64?, disabled: Bool, now: Timestamp
    ) -> Statement {
        Statement(
            """
            update users set name = $3, name_key = $4, display_name = $5, email = $6,
                password_hash = coalesce($7, password_hash), session_seconds = $8, disabled = $9,
                version = version + 1, updated_at = $10
            where id = $1 and version = $2
            returning id
            """, id, version, name, key, displayName, email, passwordHash, sessionSeconds, disabled, now)
    }

    package static func setPassword(key: String, passwordHash: String, now: Timestamp) -> Statement {
        Statement(
            """
            update users set password_hash = $2, version = version + 1, updated_at = $3 where name_key = $1
            returning id, name
            """, key, passwordHash, now)
    }

    /// Keeps sign-ins of the user out until the commit.
    ///
    /// - Parameter version: nil takes whichever there is.
    package static func hold(_ id: UserID, version: Int64? = nil) -> Statement {
        Statement(
            "update users set version = version + 1 where id = $1 and ($2 < 0 or version = $2) returning id", id,
            version ?? -1)
    }

    package static func delete(_ id: UserID) -> Statement {
        Statement("delete from users where id = $1 returning id", id)
    }

    package static func leaveAllGroups(_ id: UserID) -> Statement {
        Statement("delete from group_members where user_id = $1", id)
    }

    package static func join(_ group: GroupID, _ id: UserID) -> Statement {
        Statement(
            """
            insert into group_members (group_id, user_id) values ($1, $2) on conflict (group_id, user_id) do nothing
            """, group, id)
    }
}
