package import KnocknocModel

/// The statements about what was audited a moment ago.
package enum PauseTable {
    /// Returns a row where the pause before this was a minute or more, and begins another.
    package static func begin(_ key: String, at now: Timestamp) -> Statement {
        Statement(
            """
            insert into audit_pauses (key, noted_at) values ($1, $2)
            on conflict (key) do update set noted_at = excluded.noted_at
            where audit_pauses.noted_at <= excluded.noted_at - 60000000
            returning key
            """, key, now)
    }

    package static func prune(before: Timestamp) -> Statement {
        Statement("delete from audit_pauses where noted_at < $1", before)
    }
}
