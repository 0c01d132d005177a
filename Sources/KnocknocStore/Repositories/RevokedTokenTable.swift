package import KnocknocModel

/// The statements of deleted agents' tokens.
package enum RevokedTokenTable {
    /// Keeps the tokens of an agent that is about to be deleted, the one before a rotation too.
    package static func keep(_ id: AgentID, at now: Timestamp) -> [Statement] {
        [
            Statement(
                """
                insert into revoked_tokens (token_hash, agent_id, revoked_at)
                select token_hash, id, cast($2 as bigint) from agents where id = $1 and token_hash is not null
                on conflict (token_hash) do nothing
                """, id, now),
            Statement(
                """
                insert into revoked_tokens (token_hash, agent_id, revoked_at)
                select previous_token_hash, id, cast($2 as bigint) from agents
                where id = $1 and previous_token_hash is not null
                on conflict (token_hash) do nothing
                """, id, now),
        ]
    }

    /// The agent that has or had this token: enabled, disabled or deleted. One that was replaced long enough ago is
    /// nobody's.
    package static func holder(token hash: [UInt8], at now: Timestamp) -> Statement {
        Statement(
            """
            select id, disabled as revoked from agents where token_hash = $1
            union all
            select id, disabled as revoked from agents where previous_token_hash = $1 and previous_token_until > $2
            union all
            select agent_id as id, 1 as revoked from revoked_tokens where token_hash = $1
            limit 1
            """, hash, now)
    }
}
