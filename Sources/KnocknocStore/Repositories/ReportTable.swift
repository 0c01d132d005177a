package import KnocknocModel

/// The statements that write down what an agent has done, void where the store knows a newer link.
package enum ReportTable {
    // A failover may have lost the attachment itself; an older epoch in the store therefore voids nothing.
    private static let newest = "exists (select 1 from agent_links l where l.agent_id = $1 and l.epoch <= $2)"

    package static func targetsApplied(_ agent: AgentID, epoch: Int64, upTo revision: Int64) -> Statement {
        Statement(
            constants: """
                update targets set applied_revision = revision, outcome = 'applied', reason = null
                where agent_id = $1 and revision <= $3 and \(newest)
                    and (applied_revision < revision or outcome in ('failed', 'dry_run', 'pending'))
                returning id
                """, [agent, epoch, revision])
    }

    package static func targetFailed(_ target: TargetID, _ agent: AgentID, epoch: Int64, reason: String) -> Statement {
        Statement(
            constants: """
                update targets set outcome = 'failed', reason = $4
                where agent_id = $1 and id = $3 and \(newest)
                returning id
                """, [agent, epoch, target, reason])
    }

    package static func targetDryRun(_ target: TargetID, _ agent: AgentID, epoch: Int64) -> Statement {
        Statement(
            constants: """
                update targets set outcome = 'dry_run', reason = null
                where agent_id = $1 and id = $3 and outcome <> 'failed' and \(newest)
                returning id
                """, [agent, epoch, target])
    }

    package static func entriesApplied(
        _ agent: AgentID, epoch: Int64, upTo revision: Int64, now: Timestamp
    ) -> Statement {
        Statement(
            constants: """
                update enforcements set applied_revision = revision, outcome = 'applied', reason = null,
                    confirmed_at = $4
                where agent_id = $1 and applied_revision < revision and revision <= $3 and \(newest)
                returning entry_id
                """, [agent, epoch, revision, now])
    }

    /// Formerly failed entries: the report lists those that still are.
    package static func entriesRecovered(
        _ agent: AgentID, epoch: Int64, upTo revision: Int64, now: Timestamp
    ) -> Statement {
        Statement(
            constants: """
                update enforcements set outcome = 'applied', reason = null, confirmed_at = $4
                where agent_id = $1 and outcome = 'failed' and revision <= $3 and \(newest)
                returning entry_id
                """, [agent, epoch, revision, now])
    }

    package static func entryFailed(_ entry: EntryID, _ agent: AgentID, epoch: Int64, reason: String) -> Statement {
        Statement(
            constants: """
                update enforcements set outcome = 'failed', reason = $4
                where agent_id = $1 and entry_id = $3 and \(newest)
                returning entry_id
                """, [agent, epoch, entry, reason])
    }

    package static func trial(_ target: TargetID, _ agent: AgentID, epoch: Int64, report: String) -> Statement {
        Statement(
            constants: """
                update targets set trial = $4
                where agent_id = $1 and id = $3 and confirmed = 0 and \(newest)
                returning id
                """, [agent, epoch, target, report])
    }

    package static func users(ofEntries entries: [EntryID]) -> [Statement] {
        SQLList.statements(entries) { list in
            """
            select distinct g.user_id
            from grant_entries ge
            join grants g on g.id = ge.grant_id
            where ge.entry_id in (\(list))
            """
        }
    }

    /// Users with a live grant on an agent's targets.
    package static func users(ofAgent agent: AgentID) -> Statement {
        Statement(
            """
            select distinct g.user_id
            from enforcements n
            join grant_entries ge on ge.entry_id = n.entry_id
            join grants g on g.id = ge.grant_id
            where n.agent_id = $1 and g.state = 'live'
            """, agent)
    }

    /// Users with a live grant on a target.
    package static func users(ofTargets targets: [TargetID]) -> [Statement] {
        SQLList.statements(targets) { list in
            """
            select distinct g.user_id
            from entries e
            join grant_entries ge on ge.entry_id = e.id
            join grants g on g.id = ge.grant_id
            where e.target_id in (\(list)) and g.state = 'live'
            """
        }
    }
}
