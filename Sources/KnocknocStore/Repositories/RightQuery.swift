package import KnocknocModel

/// What a right to a Knoc is judged by, read in the transaction that grants it.
package enum RightQuery {
    private static let permitted = """
        (case when exists (
            select 1 from group_members m
            join knoc_groups kg on kg.group_id = m.group_id
            where m.user_id = u.id and kg.knoc_id = k.id)
        then 1 else 0 end) as permitted
        """

    /// One session and one Knoc, with the live grant where there is one.
    package static func forClick(_ session: SessionID, _ knoc: KnocID) -> Statement {
        Statement(
            constants: """
                select s.address, s.address_reason, s.expires_at, s.ended_at, u.id as user_id, u.name as user_name,
                    u.disabled as user_disabled, k.id as knoc_id, k.name as knoc_name, k.disabled as knoc_disabled,
                    k.duration_seconds, k.features, k.version, \(permitted), g.id as live_grant,
                    g.expires_at as live_until, g.address as live_address, knocknoc_now() as now
                from sessions s
                join users u on u.id = s.user_id
                join knocs k on k.id = $2
                left join grants g on g.session_id = s.id and g.knoc_id = k.id and g.address = s.address
                    and g.state = 'live'
                where s.id = $1
                """, [session, knoc])
    }

    /// The Knocs that a user gets by signing in.
    package static func forSignIn(_ user: UserID) -> Statement {
        Statement(
            """
            select k.id as knoc_id, k.name as knoc_name, k.duration_seconds, k.features, k.version
            from knocs k
            where k.disabled = 0 and k.grant_on = 'sign_in'
                and k.id in (
                    select kg.knoc_id from group_members m
                    join knoc_groups kg on kg.group_id = m.group_id
                    where m.user_id = $1)
            order by k.id
            """, user)
    }

    /// Where those are enforced.
    package static func targetsForSignIn(_ user: UserID) -> Statement {
        Statement(
            """
            select kt.knoc_id, t.id, t.agent_id
            from knoc_targets kt
            join targets t on t.id = kt.target_id
            join knocs k on k.id = kt.knoc_id
            where kt.placed = 1 and k.disabled = 0 and k.grant_on = 'sign_in'
                and k.id in (
                    select kg.knoc_id from group_members m
                    join knoc_groups kg on kg.group_id = m.group_id
                    where m.user_id = $1)
            order by kt.knoc_id, t.agent_id, t.id
            """, user)
    }

    package static func targets(_ knoc: KnocID) -> Statement {
        Statement(
            """
            select kt.knoc_id, t.id, t.agent_id
            from knoc_targets kt
            join targets t on t.id = kt.target_id
            where kt.knoc_id = $1 and kt.placed = 1
            order by t.agent_id, t.id
            """, knoc)
    }
}
