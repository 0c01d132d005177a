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

    /// The agent that has or had this token: enabled, disabled or deleted. One that an enabled agent had is nobody's
    /// where it was replaced before `overlap`.
    package static func holder(token hash: [UInt8], overlap: Timestamp) -> Statement {
        Statement(
            """
            select id, disabled as revoked from agents where token_hash = $1
            union all
            select a.id, a.disabled as revoked
            from revoked_tokens r
            join agents a on a.id = r.agent_id and a.created_at <= r.revoked_at
            where r.token_hash = $1 and r.revoked_at > $2
            union all
            select r.agent_id as id, 1 as revoked
            from revoked_tokens r
            where r.token_hash = $1
                and not exists (select 1 from agents a where a.id = r.agent_id and a.disabled = 0)
            order by revoked limit 1
            """, hash, overlap)
    }

    /// All tokens that were replaced since then, with their agents; few at any time.
    package static func counting(since overlap: Timestamp) -> Statement {
        Statement(
            """
            select r.agent_id, r.token_hash
            from revoked_tokens r
            join agents a on a.id = r.agent_id and a.created_at <= r.revoked_at
            where r.revoked_at > $1
            order by r.revoked_at
            """, overlap)
    }

    /// What was replaced since then is as if it had been replaced then: it counts no more.
    package static func endOverlap(of id: AgentID, at overlap: Timestamp) -> Statement {
        Statement(
            "update revoked_tokens set revoked_at = $2 where agent_id = $1 and revoked_at > $2", id, overlap)
    }
}
