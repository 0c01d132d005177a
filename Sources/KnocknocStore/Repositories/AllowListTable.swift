package import KnocknocModel

/// The statements about lists of addresses that other devices fetch.
package enum AllowListTable {
    package static func of(_ knocs: [KnocID]) -> [Statement] {
        SQLList.statements(knocs) { list in "select id, knoc_id from allow_lists where knoc_id in (\(list))" }
    }

    package static func insert(_ id: AllowListID, of knoc: KnocID, now: Timestamp) -> Statement {
        Statement(
            """
            insert into allow_lists (id, knoc_id, created_at) values ($1, $2, $3)
            on conflict (knoc_id) do nothing
            """, id, knoc, now)
    }

    /// A key, the list that somebody asks for with it, and the change that the site's own lists stand at: everything
    /// that an answer depends on, but for what the list says.
    package static func fetch(_ list: AllowListID, key hash: [UInt8]) -> Statement {
        Statement(
            """
            select k.id as key_id, k.name as key_name, k.secret_hash, k.scopes, k.networks, k.expires_at, k.disabled,
                l.knoc_id, n.name as knoc_name, a.change_id, knocknoc_now() as now
            from api_keys k
            join agents a on a.id = $3
            left join allow_lists l on l.id = $1
            left join knocs n on n.id = l.knoc_id
            where k.secret_hash = $2
            """, list, hash, AgentID.server)
    }

    /// Who is on a Knoc's list where the site itself serves it.
    package static func members(of knoc: KnocID, after now: Timestamp) -> Statement {
        Statement(
            """
            select e.address, e.expires_at, t.ipv6_prefix
            from knoc_targets kt
            join targets t on t.id = kt.target_id and t.agent_id = $2 and t.purpose = 'enforce'
            join entries e on e.target_id = t.id
            join enforcements n on n.entry_id = e.id and n.wanted = 1
            where kt.knoc_id = $1 and e.expires_at > $3
            """, knoc, AgentID.server, now)
    }

    /// Everything that Knocs with lists are enforced by, their lists among it.
    package static func targets() -> Statement {
        Statement(
            """
            select t.id, t.agent_id, t.backend
            from allow_lists l
            join knoc_targets kt on kt.knoc_id = l.knoc_id
            join targets t on t.id = kt.target_id
            where t.purpose = 'enforce'
            order by t.id
            """)
    }

    /// What an agent enforces for Knocs that have a list, their lists among it.
    package static func served(by agent: AgentID) -> Statement {
        Statement(
            """
            select t.backend, n.name as knoc_name
            from targets t
            join knoc_targets kt on kt.target_id = t.id
            join allow_lists l on l.knoc_id = kt.knoc_id
            join knocs n on n.id = l.knoc_id
            where t.agent_id = $1 and t.purpose = 'enforce'
            """, agent)
    }

    /// Who may fetch it has changed; whoever is on it stays.
    package static func serve(_ target: TargetID, backend: String) -> Statement {
        Statement(
            """
            update targets set backend = $2,
                revision = (select a.revision from agents a where a.id = targets.agent_id)
            where id = $1 and backend <> $2
            """, target, backend)
    }

    /// What is enforced by the site itself is in force as soon as it is written.
    package static func confirm(now: Timestamp) -> [Statement] {
        [
            Statement(
                """
                update enforcements set applied_revision = revision, outcome = 'applied', reason = null,
                    confirmed_at = $2
                where agent_id = $1 and applied_revision < revision
                """, AgentID.server, now),
            Statement(
                """
                update targets set applied_revision = revision, outcome = 'applied', reason = null
                where agent_id = $1 and applied_revision < revision
                """, AgentID.server),
        ]
    }
}
