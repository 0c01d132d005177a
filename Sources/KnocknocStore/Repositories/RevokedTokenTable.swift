package import KnocknocModel

/// The statements of tokens that agents had: deleted agents, and those that were given other ones.
package enum RevokedTokenTable {
    /// Keeps the token of an agent that is about to be deleted or to get another one: no other is ever to have it.
    package static func keep(_ id: AgentID, at now: Timestamp) -> Statement {
        Statement(
            """
            insert into revoked_tokens (token_hash, agent_id, revoked_at)
            select token_hash, id, cast($2 as bigint) from agents where id = $1 and token_hash is not null
            on conflict (token_hash) do nothing
            """, id, now)
    }

    package static func spent(token hash: [UInt8]) -> Statement {
        Statement("select agent_id from revoked_tokens where token_hash = $1", hash)
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
            select agent_id as id, 1 as revoked from revoked_tokens
            where token_hash = $1 and not exists (select 1 from agents a where a.id = revoked_tokens.agent_id)
            limit 1
            """, hash, now)
    }
}
