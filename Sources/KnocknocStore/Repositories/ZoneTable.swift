package import KnocknocModel

/// The statements about agents' zones and the Knocs that follow them.
package enum ZoneTable {
    /// Writes down what an agent says of itself; returns it where that is news.
    package static func note(_ id: AgentID, zone: String?, isEdge: Bool, now: Timestamp) -> Statement {
        Statement(
            """
            update agents set told_zone = $2, edge = $3, joined = 1, updated_at = $4
            where id = $1 and (joined = 0 or edge <> $3 or coalesce(told_zone, '') <> coalesce($2, ''))
            returning id
            """, id, zone, isEdge, now)
    }

    /// Whether ``note(_:zone:isEdge:)`` would be news, without a lock.
    package static func isNews(_ id: AgentID, zone: String?, isEdge: Bool) -> Statement {
        Statement(
            """
            select id from agents
            where id = $1 and (joined = 0 or edge <> $3 or coalesce(told_zone, '') <> coalesce($2, ''))
            """, id, zone, isEdge)
    }

    /// All agents in three sums, which are others once one has come, gone or changed, or is heard of again or no more.
    package static func census(heardSince: Timestamp) -> Statement {
        Statement(
            """
            select count(*) as agents,
                cast(coalesce(sum(a.created_at % 1000003 + a.updated_at - a.created_at), 0) as bigint) as changes,
                cast(coalesce(sum(case when l.last_seen_at > $1 then 1 + a.created_at % 1000003 else 0 end), 0)
                    as bigint) as heard
            from agents a
            left join agent_links l on l.agent_id = a.id
            """, heardSince)
    }

    private static let agentColumns = """
        a.id, coalesce(a.zone, a.told_zone) as zone, a.edge, a.disabled, a.joined,
            (case when l.last_seen_at > $1 then 1 else 0 end) as heard
        """
    private static let counted = """
        (select count(*) from enforcements n where n.agent_id = a.id and n.wanted = 1) as entries
        """
    private static let withLinks = "from agents a left join agent_links l on l.agent_id = a.id"

    /// All agents with their zones, and whether they were heard of since then.
    ///
    /// - Parameter isCounted: whether what is wanted of each is to be counted.
    package static func agents(heardSince: Timestamp, isCounted: Bool) -> Statement {
        Statement(
            constants: """
                select \(agentColumns), \(isCounted ? counted : "0 as entries")
                \(withLinks)
                order by a.id
                """, [heardSince])
    }

    /// The same of some, uncounted.
    package static func agents(_ agents: [AgentID], heardSince: Timestamp) -> [Statement] {
        SQLList.statements(agents, leading: [heardSince]) { list in
            "select \(agentColumns), 0 as entries \(withLinks) where a.id in (\(list)) order by a.id"
        }
    }

    /// The Knocs that follow zones, with their versions.
    package static func knocs() -> Statement {
        Statement(
            """
            select k.id, k.version, k.placement from knocs k
            where exists (select 1 from knoc_places p where p.knoc_id = k.id)
            order by k.id
            """)
    }

    /// How many rights to a Knoc live.
    package static func liveGrants(of knoc: KnocID) -> Statement {
        Statement("select count(*) as n from grants where knoc_id = $1 and state = 'live'", knoc)
    }

    package static func places(_ knocs: [KnocID]) -> [Statement] {
        SQLList.statements(knocs) { list in
            """
            select knoc_id, position, agent_id, zone, backend from knoc_places
            where knoc_id in (\(list))
            order by knoc_id, position
            """
        }
    }

    package static func clearPlaces(_ knoc: KnocID) -> Statement {
        Statement("delete from knoc_places where knoc_id = $1", knoc)
    }

    package static func addPlace(
        _ knoc: KnocID, position: Int, agent: AgentID?, zone: String?, backend: String
    ) -> Statement {
        Statement(
            "insert into knoc_places (knoc_id, position, agent_id, zone, backend) values ($1, $2, $3, $4, $5)", knoc,
            position, agent, zone, backend)
    }

    /// What a Knoc has on agents now.
    package static func spots(_ knoc: KnocID) -> Statement {
        Statement(
            """
            select kt.target_id, t.agent_id, t.key, kt.placed
            from knoc_targets kt
            join targets t on t.id = kt.target_id
            where kt.knoc_id = $1
            order by t.agent_id, kt.target_id
            """, knoc)
    }

    /// The same on some agents.
    package static func spots(_ knoc: KnocID, on agents: [AgentID]) -> [Statement] {
        SQLList.statements(agents, leading: [knoc]) { list in
            """
            select kt.target_id, t.agent_id, t.key, kt.placed
            from knoc_targets kt
            join targets t on t.id = kt.target_id
            where kt.knoc_id = $1 and t.agent_id in (\(list))
            order by t.agent_id, kt.target_id
            """
        }
    }

    /// What a Knoc has on some agents is to be said anew.
    package static func clearSpots(_ knoc: KnocID, on agents: [AgentID]) -> [Statement] {
        SQLList.statements(agents, leading: [knoc]) { list in
            """
            delete from knoc_targets
            where knoc_id = $1 and target_id in (select t.id from targets t where t.agent_id in (\(list)))
            """
        }
    }

    package static func addSpot(
        _ target: TargetID, to knoc: KnocID, position: Int, backend: String, isPlaced: Bool
    ) -> Statement {
        Statement(
            "insert into knoc_targets (knoc_id, target_id, position, backend, placed) values ($1, $2, $3, $4, $5)",
            knoc, target, position, backend, isPlaced)
    }

    /// Agents' targets with the least that any of their Knocs says about agents that no server speaks to.
    package static func closings(_ targets: [TargetID]) -> [Statement] {
        SQLList.statements(targets, leading: [AgentID.server]) { list in
            """
            select t.id, t.backend, (
                select min(k.close_after_seconds)
                from knoc_targets kt
                join knocs k on k.id = kt.knoc_id
                where kt.target_id = t.id) as seconds
            from targets t
            where t.id in (\(list)) and t.agent_id <> $1
            order by t.id
            """
        }
    }

    /// The same object, on other terms; what was in force stays.
    package static func setTerms(_ id: TargetID, backend: String) -> Statement {
        Statement(
            """
            update targets set backend = $2,
                revision = (select a.revision from agents a where a.id = targets.agent_id)
            where id = $1
            """, id, backend)
    }

    /// Agents that stand in any zone, by whoever's word.
    package static func zones() -> Statement {
        Statement(
            "select id, zone, told_zone from agents where zone is not null or told_zone is not null order by id")
    }

    /// Knocs that are limited to zones, or kept out of some.
    package static func limits() -> Statement {
        Statement("select id, zones from knocs where zones <> '[]' order by id")
    }

    /// Items of Knocs that name a zone.
    package static func zonePlaces() -> Statement {
        Statement(
            "select knoc_id, position, zone from knoc_places where zone is not null order by knoc_id, position")
    }

    package static func setZone(_ zone: String, of agents: [AgentID], now: Timestamp) -> [Statement] {
        SQLList.statements(agents, leading: [zone, now]) { list in
            "update agents set zone = $1, version = version + 1, updated_at = $2 where id in (\(list))"
        }
    }

    package static func setLimits(_ knoc: KnocID, zones: String) -> Statement {
        Statement("update knocs set zones = $2 where id = $1", knoc, zones)
    }

    package static func setPlace(_ knoc: KnocID, position: Int64, zone: String) -> Statement {
        Statement("update knoc_places set zone = $3 where knoc_id = $1 and position = $2", knoc, position, zone)
    }

    /// What a Knoc's agents have of their links and entries, by target.
    package static func standing(_ knoc: KnocID, now: Timestamp) -> Statement {
        Statement(
            """
            select kt.target_id, l.last_seen_at as link_seen_at, l.closed_at as link_closed_at,
                (select count(*) from entries e join enforcements n on n.entry_id = e.id
                    where e.target_id = kt.target_id and n.wanted = 1) as entries_wanted,
                (select count(*) from entries e join enforcements n on n.entry_id = e.id
                    where e.target_id = kt.target_id and n.wanted = 1
                        and n.outcome in ('applied', 'dry_run')) as entries_applied,
                (select count(*) from entries e join enforcements n on n.entry_id = e.id
                    where e.target_id = kt.target_id and n.wanted = 0
                        and (n.applied_revision < n.revision or n.outcome = 'failed')
                        and (t.ends_alone = 0 or exists (
                            select 1 from grant_entries ge join grants g on g.id = ge.grant_id
                            where ge.entry_id = e.id and g.expires_at > $3))) as entries_closing,
                case when t.agent_id = $2 then 1 else 0 end as is_site, knocknoc_now() as now
            from knoc_targets kt
            join targets t on t.id = kt.target_id
            left join agent_links l on l.agent_id = t.agent_id
            where kt.knoc_id = $1
            """, knoc, AgentID.server, now)
    }
}
