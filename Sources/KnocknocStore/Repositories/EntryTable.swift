package import KnocknocModel

/// The statements about entries and enforcements. All of them run after the agent's revision was bumped in the same
/// transaction: that row's lock is what makes two transactions take turns on the entries of one agent.
package enum EntryTable {
    /// An entry that lives at least until `expiresAt`; an existing one keeps its id and a later expiry.
    package static func open(_ id: EntryID, target: TargetID, address: IPAddress, expiresAt: Timestamp) -> Statement {
        Statement(
            """
            insert into entries (id, target_id, address, expires_at)
            values ($1, $2, $3, $4)
            on conflict (target_id, address) do update set expires_at =
                case when excluded.expires_at > entries.expires_at then excluded.expires_at
                else entries.expires_at end
            """, id, target, address, expiresAt)
    }

    /// An entry that ran out is not in force any more, whatever the agent said of it; runs before it opens again.
    package static func forgetExpired(target: TargetID, address: IPAddress, now: Timestamp) -> Statement {
        Statement(
            """
            update enforcements set outcome = 'pending', reason = null
            where entry_id in (
                select e.id from entries e where e.target_id = $1 and e.address = $2 and e.expires_at <= $3)
            """, target, address, now)
    }

    package static func link(grant: GrantID, target: TargetID, address: IPAddress) -> Statement {
        Statement(
            """
            insert into grant_entries (grant_id, entry_id)
            select $1, e.id from entries e where e.target_id = $2 and e.address = $3
            on conflict (grant_id, entry_id) do nothing
            """, grant, target, address)
    }

    /// Wants the entry open. What was in force stays in force meanwhile, so another person's card does not flicker.
    package static func enforce(agent: AgentID, target: TargetID, address: IPAddress, now: Timestamp) -> Statement {
        Statement(
            """
            insert into enforcements (entry_id, agent_id, wanted, revision, outcome, changed_at)
            select e.id, a.id, 1, a.revision, 'pending', $4
            from entries e
            join agents a on a.id = $1
            where e.target_id = $2 and e.address = $3
            on conflict (entry_id) do update set
                wanted = 1, revision = excluded.revision, changed_at = excluded.changed_at, confirmed_at = null,
                outcome = case when enforcements.wanted = 1 then enforcements.outcome else 'pending' end,
                reason = case when enforcements.wanted = 1 then enforcements.reason else null end
            """, agent, target, address, now)
    }

    /// Sets each entry to the latest expiry of its live grants, or to now where there is none. A grant whose Knoc has moved
    /// to another agent stays linked, for what its old agent has still to confirm, and holds nothing open there.
    package static func recompute(_ entries: [EntryID], now: Timestamp) -> [Statement] {
        SQLList.statements(entries, leading: [now]) { list in
            """
            update entries set expires_at = coalesce(
                (select max(g.expires_at) from grant_entries ge
                    join grants g on g.id = ge.grant_id
                    join knoc_targets kt on kt.knoc_id = g.knoc_id and kt.target_id = entries.target_id
                    where ge.entry_id = entries.id and g.state = 'live' and kt.placed = 1),
                case when expires_at < $1 then expires_at else $1 end)
            where id in (\(list))
            """
        }
    }

    /// Makes the agents' rows follow their entries, with the agents' new revisions.
    ///
    /// - Parameter cut: whether established flows are cut even where the entry stays for somebody else.
    package static func follow(_ entries: [EntryID], now: Timestamp, cut: Bool) -> [Statement] {
        let revision = "(select a.revision from agents a where a.id = enforcements.agent_id)"
        let live = "(select e.expires_at from entries e where e.id = enforcements.entry_id) > $1"
        return SQLList.statements(entries, leading: [now]) { list in
            """
            update enforcements set
                wanted = case when \(live) then 1 else 0 end,
                outcome = case when \(live) then outcome else 'pending' end,
                reason = case when \(live) then reason else null end,
                revision = \(revision), \(cut ? "cut_revision = \(revision)," : "")
                changed_at = $1, confirmed_at = null
            where entry_id in (\(list))
            """
        }
    }

    /// Entries of some targets that a Knoc's live grants hold.
    package static func ofLiveGrants(knoc: KnocID, targets: [TargetID]) -> [Statement] {
        SQLList.statements(targets, leading: [knoc]) { list in
            """
            select distinct ge.entry_id
            from grants g
            join grant_entries ge on ge.grant_id = g.id
            join entries e on e.id = ge.entry_id
            where g.knoc_id = $1 and g.state = 'live' and e.target_id in (\(list))
            """
        }
    }

    /// Absent entries that the agent confirmed before `before`.
    package static func prunable(before: Timestamp, limit: Int) -> Statement {
        Statement(
            """
            select entry_id, agent_id, revision from enforcements
            where wanted = 0 and applied_revision >= revision and outcome <> 'failed' and confirmed_at < $1
            order by agent_id limit $2
            """, before, limit)
    }

    package static func prune(_ entries: [EntryID]) -> [Statement] {
        SQLList.statements(entries) { list in
            """
            delete from entries
            where id in (\(list)) and exists (
                select 1 from enforcements n
                where n.entry_id = entries.id and n.wanted = 0 and n.applied_revision >= n.revision)
            """
        }
    }

    /// Entries that are wanted although no live grant holds them; there should be none.
    package static func orphans(now: Timestamp, limit: Int) -> Statement {
        Statement(
            """
            select n.entry_id, n.agent_id
            from enforcements n
            where n.wanted = 1 and not exists (
                select 1 from entries e
                join grant_entries ge on ge.entry_id = e.id
                join grants g on g.id = ge.grant_id
                join knoc_targets kt on kt.knoc_id = g.knoc_id and kt.target_id = e.target_id and kt.placed = 1
                where e.id = n.entry_id and g.state = 'live' and g.expires_at > $1)
            limit $2
            """, now, limit)
    }
}
