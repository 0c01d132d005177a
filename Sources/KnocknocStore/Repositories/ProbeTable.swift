package import KnocknocModel

/// The statements about tokens that a browser shows at a ProbeURL.
package enum ProbeTable {
    package static func insert(_ hash: [UInt8], session: SessionID, expiresAt: Timestamp) -> Statement {
        Statement(
            "insert into address_probes (token_hash, session_id, expires_at) values ($1, $2, $3)", hash, session,
            expiresAt)
    }

    /// How many a session has that could still be used.
    package static func count(of session: SessionID, now: Timestamp) -> Statement {
        Statement(
            "select count(*) as probes from address_probes where session_id = $1 and expires_at > $2", session, now)
    }

    /// Whether there is such a token, used or not: a look costs no write.
    package static func one(_ hash: [UInt8]) -> Statement {
        Statement(constants: "select session_id from address_probes where token_hash = $1", [hash])
    }

    /// Takes a token away for good: whoever gets the row is the only one.
    package static func use(_ hash: [UInt8]) -> Statement {
        Statement(
            """
            delete from address_probes where token_hash = $1
            returning session_id, expires_at, knocknoc_now() as now
            """, hash)
    }

    /// The session that a token was for, with its user.
    package static func session(_ id: SessionID) -> Statement {
        Statement(
            """
            select s.id, u.id as user_id, u.name from sessions s join users u on u.id = s.user_id
            where s.id = $1 and s.ended_at is null and u.disabled = 0
            """, id)
    }

    package static func prune(before: Timestamp) -> Statement {
        Statement("delete from address_probes where expires_at < $1", before)
    }
}
