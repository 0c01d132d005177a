package import KnocknocModel

/// The statements about the addresses of sessions.
package enum AddressTable {
    /// Of `session_addresses x`, beside a session's own.
    static let columns = """
        x.address as x_address, x.origin as x_origin, x.added_at as x_added_at, x.leaves_at as x_leaves_at
        """

    /// Those of a session that have not left.
    package static func live(_ session: SessionID) -> Statement {
        Statement(
            constants: """
                select \(columns) from session_addresses x where x.session_id = $1 and x.left_at is null
                order by x.added_at, x.address
                """, [session])
    }

    /// The same by the hash of a session's token.
    package static func live(token hash: [UInt8]) -> Statement {
        Statement(
            constants: """
                select \(columns) from sessions s
                join session_addresses x on x.session_id = s.id and x.left_at is null
                where s.token_hash = $1
                """, [hash])
    }

    /// Those of some sessions that have not left, with the session of each.
    package static func live(ofAll sessions: [SessionID]) -> [Statement] {
        SQLList.statements(sessions) { list in
            """
            select x.session_id, \(columns) from session_addresses x
            where x.left_at is null and x.session_id in (\(list))
            """
        }
    }

    /// How many other addresses the session has moved to lately.
    package static func moves(_ session: SessionID, besides address: IPAddress, since: Timestamp) -> Statement {
        Statement(
            """
            select count(*) as moves from session_addresses
            where session_id = $1 and address <> $2 and origin <> 'sign_in' and added_at > $3
                and added_at > coalesce((select s.moves_since from sessions s where s.id = $1), 0)
            """, session, address, since)
    }

    /// Takes an address, or takes it again: it is the newest of its family from now on.
    package static func add(
        _ address: IPAddress, to session: SessionID, origin: String, at now: Timestamp
    ) -> Statement {
        Statement(
            """
            insert into session_addresses (session_id, address, family, origin, added_at)
            values ($1, $2, $3, $4, $5)
            on conflict (session_id, address) do update set
                origin = excluded.origin, added_at = excluded.added_at, leaves_at = null, left_at = null
            """, session, address, address.family.rawValue, origin, now)
    }

    /// An address that was to leave has been seen: it stays.
    package static func keep(_ address: IPAddress, of session: SessionID) -> Statement {
        Statement(
            """
            update session_addresses set leaves_at = null
            where session_id = $1 and address = $2 and left_at is null and leaves_at is not null
            """, session, address)
    }

    /// The others of its family leave then, unless they are seen before.
    package static func replace(
        by address: IPAddress, of session: SessionID, leavingAt moment: Timestamp
    ) -> Statement {
        Statement(
            """
            update session_addresses set leaves_at = $4
            where session_id = $1 and address <> $2 and family = $3 and left_at is null and leaves_at is null
                and exists (
                    select 1 from session_addresses n
                    where n.session_id = $1 and n.address = $2 and n.left_at is null and n.leaves_at is null)
            """, session, address, address.family.rawValue, moment)
    }

    /// The session's own address follows what its browser comes from; where it has none that anything may be opened for,
    /// a probe's will do.
    package static func follow(_ address: IPAddress, of session: SessionID) -> Statement {
        Statement(
            """
            update sessions set address = $2, address_reason = null
            where id = $1 and exists (
                select 1 from session_addresses n
                where n.session_id = $1 and n.address = $2 and n.left_at is null and n.leaves_at is null
                    and (n.origin <> 'probe' or sessions.address_reason is not null))
            """, session, address)
    }

    /// Earlier moves count no more.
    package static func confirm(_ session: SessionID, at now: Timestamp) -> Statement {
        Statement("update sessions set moves_since = $2 where id = $1", session, now)
    }

    /// Those whose time has come.
    package static func due(at now: Timestamp, limit: Int) -> Statement {
        Statement(
            """
            select session_id, address from session_addresses
            where leaves_at is not null and leaves_at <= $1 and left_at is null
            order by leaves_at limit $2
            """, now, limit)
    }

    /// - Parameter due: nil takes it away whatever its time is.
    package static func leave(
        _ address: IPAddress, of session: SessionID, at now: Timestamp, due: Timestamp? = nil
    ) -> Statement {
        Statement(
            """
            update session_addresses set left_at = $3, leaves_at = null
            where session_id = $1 and address = $2 and left_at is null and ($4 < 0 or leaves_at <= $4)
            returning address
            """, session, address, now, due?.microseconds ?? -1)
    }

    package static func prune(before: Timestamp) -> Statement {
        Statement("delete from session_addresses where left_at is not null and left_at < $1", before)
    }
}
