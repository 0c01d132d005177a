package import KnocknocModel

/// The statements about targets. Like those of entries they run after the agent's revision was bumped.
package enum TargetTable {
    package static func find(_ agent: AgentID, key: String) -> Statement {
        Statement("select id, purpose, confirmed, backend from targets where agent_id = $1 and key = $2", agent, key)
    }

    /// Whether the Knoc has the same object, confirmed, on another agent.
    package static func confirmed(_ knoc: KnocID, key: String, besides agent: AgentID) -> Statement {
        Statement(
            """
            select t.id from knoc_targets kt
            join targets t on t.id = kt.target_id
            where kt.knoc_id = $1 and t.key = $2 and t.agent_id <> $3 and t.confirmed = 1 and t.purpose = 'enforce'
            limit 1
            """, knoc, key, agent)
    }

    package static func of(_ agent: AgentID) -> Statement {
        Statement(
            """
            select t.id, t.agent_id, a.name as agent_name, t.backend, t.purpose, t.confirmed, t.outcome, t.reason,
                t.trial
            from targets t
            join agents a on a.id = t.agent_id
            where t.agent_id = $1
            order by t.id
            """, agent)
    }

    /// The Knocs that use an agent's targets, in the order of their names.
    package static func users(ofTargetsOf agent: AgentID) -> Statement {
        Statement(
            """
            select kt.target_id, k.id, k.name
            from knoc_targets kt
            join targets t on t.id = kt.target_id
            join knocs k on k.id = kt.knoc_id
            where t.agent_id = $1
            order by k.name_key, k.id
            """, agent)
    }

    /// What these agents are to enforce.
    package static func inUse(_ agents: [AgentID]) -> [Statement] {
        SQLList.statements(agents) { list in
            """
            select t.id, t.agent_id, a.name as agent_name, t.backend, t.purpose, t.confirmed, t.outcome, t.reason,
                t.trial
            from targets t
            join agents a on a.id = t.agent_id
            where t.agent_id in (\(list)) and t.purpose = 'enforce'
            order by t.id
            """
        }
    }

    package static func one(_ id: TargetID) -> Statement {
        Statement(
            """
            select t.id, t.agent_id, a.name as agent_name, t.backend, t.purpose, t.confirmed, t.outcome, t.reason,
                t.trial, t.revision, t.applied_revision,
                (select min(k.name) from knoc_targets kt join knocs k on k.id = kt.knoc_id
                    where kt.target_id = t.id) as used_by
            from targets t
            join agents a on a.id = t.agent_id
            where t.id = $1
            """, id)
    }

    package static func insert(
        _ id: TargetID, agent: AgentID, key: String, backend: String, ipv6Prefix: Int?, endsAlone: Bool,
        confirmed: Bool, now: Timestamp
    ) -> Statement {
        Statement(
            """
            insert into targets
                (id, agent_id, key, backend, ipv6_prefix, purpose, confirmed, revision, created_at, ends_alone)
            select $1, a.id, $3, $4, $5, 'enforce', $6, a.revision, $7, $8 from agents a where a.id = $2
            """, id, agent, key, backend, ipv6Prefix, confirmed, now, endsAlone)
    }

    /// Another purpose, or another state of its trial; the agent is to say anew how it fares.
    package static func change(
        _ id: TargetID, purpose: TargetDefinition.Purpose, confirmed: Bool, backend: String
    ) -> Statement {
        Statement(
            """
            update targets set purpose = $2, confirmed = $3, backend = $4, outcome = 'pending', reason = null,
                trial = null, revision = (select a.revision from agents a where a.id = targets.agent_id)
            where id = $1
            """, id, purpose.rawValue, confirmed, backend)
    }

    /// Takes a guard away, unless a Knoc uses it.
    package static func unguard(_ id: TargetID) -> Statement {
        Statement(
            """
            update targets set purpose = 'unguard', outcome = 'pending', reason = null, trial = null,
                revision = (select a.revision from agents a where a.id = targets.agent_id)
            where id = $1 and purpose <> 'unguard'
                and not exists (select 1 from knoc_targets kt where kt.target_id = $1)
            returning id
            """, id)
    }

    /// Ends a trial, where it still stands as it was reported; what was in force stays.
    package static func confirm(_ id: TargetID, trial: String) -> Statement {
        Statement(
            """
            update targets set confirmed = 1, trial = null,
                revision = (select a.revision from agents a where a.id = targets.agent_id)
            where id = $1 and confirmed = 0 and purpose = 'enforce' and trial = $2
            returning id
            """, id, trial)
    }

    /// Targets of these agents that no Knoc uses any more.
    package static func release(_ agents: [AgentID]) -> [Statement] {
        SQLList.statements(agents) { list in
            """
            update targets set purpose = 'released', outcome = 'pending', reason = null, trial = null,
                revision = (select a.revision from agents a where a.id = targets.agent_id)
            where agent_id in (\(list)) and purpose = 'enforce'
                and not exists (select 1 from knoc_targets kt where kt.target_id = targets.id)
            """
        }
    }

    /// Targets that no Knoc uses, as their agents have confirmed, in the order of their ids. Guards that are released are
    /// among them.
    package static func prunable(after: TargetID?, limit: Int) -> Statement {
        Statement(
            """
            select t.id, t.agent_id, t.revision, t.purpose, t.backend
            from targets t
            where t.purpose <> 'enforce' and t.applied_revision >= t.revision and t.outcome <> 'failed'
                and not exists (select 1 from entries e where e.target_id = t.id)
                and not exists (select 1 from knoc_targets kt where kt.target_id = t.id)
                and t.id > $1
            order by t.id limit $2
            """, after?.description ?? "", limit)
    }

    package static func prune(_ id: TargetID) -> Statement {
        Statement(
            """
            delete from targets
            where id = $1 and purpose <> 'enforce' and applied_revision >= revision
                and not exists (select 1 from entries e where e.target_id = targets.id)
            """, id)
    }
}
