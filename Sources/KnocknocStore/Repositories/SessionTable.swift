package import KnocknocModel

/// The statements about sessions.
package enum SessionTable {
    static let userColumns = """
        s.id, s.user_id, s.admin_id, u.name, u.display_name, s.address, s.created_at, s.expires_at, s.last_seen_at
        """
    private static let ofUser = """
        select \(userColumns), s.address_reason, \(AddressTable.columns), knocknoc_now() as now
        from sessions s
        join users u on u.id = s.user_id
        left join session_addresses x on x.session_id = s.id and x.left_at is null
        where s.token_hash = $1 and s.ended_at is null and u.disabled = 0
        """

    /// The live session of a user with this token's hash, with the database's time: a row for each of its addresses.
    package static func ofUser(token hash: [UInt8]) -> Statement { Statement(constants: ofUser, [hash]) }

    package static func ofAdmin(token hash: [UInt8]) -> Statement {
        Statement(
            """
            select s.id, s.user_id, s.admin_id, a.name, s.address, s.address_reason, s.created_at,
                s.expires_at, s.last_seen_at, knocknoc_now() as now
            from sessions s
            join admins a on a.id = s.admin_id
            where s.token_hash = $1 and s.ended_at is null and a.disabled = 0
            """, hash)
    }

    /// Whether a session goes on, with the database's time.
    package static func liveness(_ id: SessionID) -> Statement {
        Statement(
            "select expires_at, knocknoc_now() as now from sessions where id = $1 and ended_at is null", id)
    }

    package static func insert(
        _ id: SessionID, user: UserID?, admin: AdminID?, token hash: [UInt8], address: IPAddress?,
        addressReason: String?, userAgent: String?, createdAt: Timestamp, expiresAt: Timestamp
    ) -> Statement {
        Statement(
            """
            insert into sessions (id, user_id, admin_id, token_hash, address, address_reason, user_agent, created_at,
                expires_at, last_seen_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8)
            """, id, user, admin, hash, address, addressReason, userAgent, createdAt, expiresAt)
    }

    /// Makes whoever would end this session, or give it something, wait for the end of the transaction.
    package static func lock(_ id: SessionID) -> Statement {
        Statement(
            "update sessions set last_seen_at = last_seen_at where id = $1 and ended_at is null returning id", id)
    }

    /// The same for all sessions of a user.
    package static func lock(of user: UserID) -> Statement {
        Statement(
            "update sessions set last_seen_at = last_seen_at where user_id = $1 and ended_at is null returning id",
            user)
    }

    package static func end(_ id: SessionID, at now: Timestamp, reason: String) -> Statement {
        Statement(
            """
            update sessions set ended_at = $2, end_reason = $3
            where id = $1 and ended_at is null
            returning id, user_id, admin_id
            """, id, now, reason)
    }

    /// Ends the user's session with this token's hash.
    package static func end(ofUser hash: [UInt8], at now: Timestamp, reason: String) -> Statement {
        Statement(
            """
            update sessions set ended_at = $2, end_reason = $3
            where token_hash = $1 and user_id is not null and ended_at is null
            returning id, user_id, admin_id
            """, hash, now, reason)
    }

    /// Ends the administrator's session with this token's hash.
    package static func end(ofAdmin hash: [UInt8], at now: Timestamp, reason: String) -> Statement {
        Statement(
            """
            update sessions set ended_at = $2, end_reason = $3
            where token_hash = $1 and admin_id is not null and ended_at is null
            returning id, user_id, admin_id
            """, hash, now, reason)
    }

    package static func end(of user: UserID, at now: Timestamp, reason: String) -> Statement {
        Statement(
            """
            update sessions set ended_at = $2, end_reason = $3
            where user_id = $1 and ended_at is null
            returning id, user_id, admin_id
            """, user, now, reason)
    }

    package static func end(of admin: AdminID, at now: Timestamp, reason: String) -> Statement {
        Statement(
            """
            update sessions set ended_at = $2, end_reason = $3
            where admin_id = $1 and ended_at is null
            returning id, user_id, admin_id
            """, admin, now, reason)
    }

    /// Ends up to `limit` sessions whose time has come.
    package static func endExpired(at now: Timestamp, limit: Int) -> Statement {
        Statement(
            """
            update sessions set ended_at = $1, end_reason = 'expired'
            where ended_at is null
                and id in (
                    select x.id from sessions x where x.ended_at is null and x.expires_at <= $1
                    order by x.expires_at limit $2)
            returning id, user_id, admin_id
            """, now, limit)
    }

    /// Ends up to `limit` sessions made until then.
    package static func end(madeUntil moment: Timestamp, at now: Timestamp, reason: String, limit: Int) -> Statement {
        Statement(
            """
            update sessions set ended_at = $2, end_reason = $3
            where ended_at is null
                and id in (
                    select x.id from sessions x where x.ended_at is null and x.created_at <= $1
                    order by x.expires_at limit $4)
            returning id, user_id, admin_id
            """, moment, now, reason, limit)
    }

    package static func touch(_ id: SessionID, at now: Timestamp) -> Statement {
        Statement("update sessions set last_seen_at = $2 where id = $1 and last_seen_at < $2", id, now)
    }

    /// Newest first, those older than `before`.
    package static func list(live: Bool, before: SessionID?, now: Timestamp, limit: Int) -> Statement {
        Statement(
            """
            select s.id, s.user_id, s.admin_id, coalesce(u.name, a.name) as name, s.address, s.address_reason,
                s.user_agent, s.created_at, s.expires_at, s.last_seen_at, s.ended_at, s.end_reason
            from sessions s
            left join users u on u.id = s.user_id
            left join admins a on a.id = s.admin_id
            where ($1 = 0 or (s.ended_at is null and s.expires_at > $2)) and s.id < $3
            order by s.id desc
            limit $4
            """, live, now, before?.description ?? "g", limit)
    }

    /// The addresses of live sessions that are granted nothing for this reason.
    package static func addresses(refusedBecause reason: String, now: Timestamp, limit: Int) -> Statement {
        Statement(
            """
            select distinct address from sessions
            where ended_at is null and expires_at > $1 and address_reason = $2 and address is not null
            order by address
            limit $3
            """, now, reason, limit)
    }

    package static func nextExpiry() -> Statement {
        Statement("select min(expires_at) as expires_at from sessions where ended_at is null")
    }
}
