package import KnocknocModel

/// The Knocs of a session with all that their states follow from: a row for each Knoc and agent of its
/// live grants, one for each address, or of its newest; and again for each further group that gives the same Knoc.
package enum PortalQuery {
    private static let columns = """
        k.id as knoc_id, k.name as knoc_name, k.url, k.grant_on, k.open_when, k.features, g.id as grant_id,
            g.address as grant_address, g.state as grant_state, g.expires_at as grant_expires_at,
            g.ended_at as grant_ended_at, n.entry_id, n.wanted, n.revision,
            n.applied_revision, n.outcome, n.reason, t.outcome as target_outcome, t.reason as target_reason,
            t.ends_alone, coalesce(kt.placed, 0) as placed, k.close_after_seconds, a.name as agent_name, l.last_seen_at as link_seen_at,
            l.closed_at as link_closed_at, s.address_reason, s.address as session_address, knocknoc_now() as now
        """
    private static let grants = """
        left join grants g on g.session_id = s.id and g.knoc_id = k.id
            and g.id >= coalesce(
                (select min(x.id) from grants x
                    where x.session_id = s.id and x.knoc_id = k.id and x.state = 'live'),
                (select x.id from grants x
                    where x.session_id = s.id and x.knoc_id = k.id
                    order by x.id desc limit 1 offset 3),
                '')
            and (g.state = 'live'
                or not exists (
                    select 1 from grants x where x.session_id = s.id and x.knoc_id = k.id and x.state = 'live'))
        left join grant_entries ge on ge.grant_id = g.id
        left join entries e on e.id = ge.entry_id
        left join enforcements n on n.entry_id = ge.entry_id
        left join targets t on t.id = e.target_id
        left join knoc_targets kt on kt.knoc_id = k.id and kt.target_id = e.target_id
        left join agents a on a.id = n.agent_id
        left join agent_links l on l.agent_id = n.agent_id
        """
    private static let rows = """
        select \(columns)
        from sessions s
        join group_members m on m.user_id = s.user_id
        join knoc_groups kg on kg.group_id = m.group_id
        join knocs k on k.id = kg.knoc_id and k.disabled = 0
        \(grants)
        """
    private static let order = "order by k.name_key, k.id, g.id, t.id"
    private static let bySession = "\(rows)\nwhere s.id = $1\n\(order)"
    private static let byKnoc = "\(rows)\nwhere s.id = $1 and k.id = $2\n\(order)"
    private static let byToken = """
        select \(SessionTable.userColumns), \(columns)
        from sessions s
        join users u on u.id = s.user_id
        left join group_members m on m.user_id = s.user_id
        left join knoc_groups kg on kg.group_id = m.group_id
        left join knocs k on k.id = kg.knoc_id and k.disabled = 0
        \(grants)
        where s.token_hash = $1 and s.ended_at is null and u.disabled = 0
        \(order)
        """

    /// The live session of a user with this token's hash beside its Knocs; one row without a Knoc where it has none.
    package static func portal(token hash: [UInt8]) -> Statement { Statement(constants: byToken, [hash]) }

    package static func knocs(of session: SessionID) -> Statement { Statement(constants: bySession, [session]) }

    package static func knoc(_ knoc: KnocID, of session: SessionID) -> Statement {
        Statement(constants: byKnoc, [session, knoc])
    }
}
