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

    /// One session and one Knoc: a row for each address of the session, with its live grant where there is one.
    package static func forClick(_ session: SessionID, _ knoc: KnocID) -> Statement {
        Statement(
            constants: """
                select coalesce(x.address, s.address) as address, s.address_reason, s.expires_at, s.ended_at, u.id as user_id, u.name as user_name,
                    u.disabled as user_disabled, k.id as knoc_id, k.name as knoc_name, k.disabled as knoc_disabled,
                    k.duration_seconds, k.features, k.version, \(permitted), g.id as live_grant,
                    g.expires_at as live_until, g.address as live_address, knocknoc_now() as now
                from sessions s
                join users u on u.id = s.user_id
                join knocs k on k.id = $2
                left join session_addresses x on x.session_id = s.id and x.left_at is null
                left join grants g on g.session_id = s.id and g.knoc_id = k.id
                    and g.address = coalesce(x.address, s.address) and g.state = 'live'
                where s.id = $1
                order by address
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
            select kt.knoc_id, t.id, t.agent_id, t.ipv6_prefix
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
            select kt.knoc_id, t.id, t.agent_id, t.ipv6_prefix
            from knoc_targets kt
            join targets t on t.id = kt.target_id
            where kt.knoc_id = $1 and kt.placed = 1
            order by t.agent_id, t.id
            """, knoc)
    }

    /// One session with each of its live grants, latest expiry first; one row without a grant where it has none.
    package static func forMove(_ session: SessionID) -> Statement {
        Statement(
            constants: """
                select s.expires_at, s.ended_at, s.address, s.address_reason, s.created_at, u.id as user_id, u.name as user_name,
                    u.disabled as user_disabled, k.id as knoc_id, k.name as knoc_name, k.disabled as knoc_disabled,
                    k.features, k.version, \(permitted), g.address as held, g.origin, g.created_at as granted_at,
                    g.expires_at as until, knocknoc_now() as now
                from sessions s
                join users u on u.id = s.user_id
                left join grants g on g.session_id = s.id and g.state = 'live'
                left join knocs k on k.id = g.knoc_id
                where s.id = $1
                order by k.id, g.expires_at desc
                """, [session])
    }

    /// Where what a session has open is enforced.
    package static func targetsForMove(_ session: SessionID) -> Statement {
        Statement(
            """
            select kt.knoc_id, t.id, t.agent_id, t.ipv6_prefix
            from knoc_targets kt
            join targets t on t.id = kt.target_id
            where kt.placed = 1
                and kt.knoc_id in (select g.knoc_id from grants g where g.session_id = $1 and g.state = 'live')
            order by kt.knoc_id, t.agent_id, t.id
            """, session)
    }
}
