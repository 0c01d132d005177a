package import KnocknocModel

/// The statements of agents' links: who they are, what they lack, what they have done.
package enum LinkTable {
    package static func keys(_ id: AgentID) -> Statement {
        Statement(
            """
            select name, disabled, signing_key, sealing_key, offered_signing_key, offered_sealing_key
            from agents where id = $1
            """, id)
    }

    package static func pin(_ id: AgentID, signingKey: String, sealingKey: String) -> Statement {
        Statement(
            """
            update agents set signing_key = $2, sealing_key = $3, offered_signing_key = null,
                offered_sealing_key = null
            where id = $1 and signing_key is null
            returning id
            """, id, signingKey, sealingKey)
    }

    package static func offer(_ id: AgentID, signingKey: String, sealingKey: String) -> Statement {
        Statement(
            "update agents set offered_signing_key = $2, offered_sealing_key = $3 where id = $1", id, signingKey,
            sealingKey)
    }

    package static func approve(_ id: AgentID, signingKey: String, sealingKey: String) -> Statement {
        Statement(
            """
            update agents set signing_key = $2, sealing_key = $3, offered_signing_key = null,
                offered_sealing_key = null, version = version + 1
            where id = $1 and offered_signing_key = $2 and offered_sealing_key = $3
            returning id
            """, id, signingKey, sealingKey)
    }

    /// The link that a newcomer would replace.
    package static func standing(_ id: AgentID) -> Statement {
        Statement(
            """
            select a.name, a.disabled, a.signing_key, a.sealing_key, l.instance, l.last_seen_at, l.closed_at
            from agents a
            join agent_links l on l.agent_id = a.id
            where a.id = $1
            """, id)
    }

    package static func noteDuplicate(_ id: AgentID, address: String?, at now: Timestamp) -> Statement {
        Statement(
            "update agent_links set duplicate_at = $2, duplicate_address = $3 where agent_id = $1", id, now, address)
    }

    /// What a hello says of its agent.
    package struct Newcomer: Sendable {
        package var instance: String
        package var software: String
        package var machine: String
        package var system: String
        package var capabilities: String
        package var protocolMax: Int64
        package var address: String?

        package init(
            instance: String, software: String, machine: String, system: String, capabilities: String,
            protocolMax: Int64, address: String?
        ) {
            (self.instance, self.software, self.machine) = (instance, software, machine)
            (self.system, self.capabilities, self.protocolMax) = (system, capabilities, protocolMax)
            self.address = address
        }
    }

    /// The epoch is the time where that is higher, so that a store that was rewound gives none out again. The third time
    /// within a minute that one instance takes a standing link from another, there are two.
    package static func attach(_ id: AgentID, _ agent: Newcomer, node: String, now: Timestamp) -> Statement {
        Statement(
            """
            insert into agent_links (agent_id, epoch, instance, node, software, machine, system, capabilities,
                protocol, connected_at, last_seen_at)
            values ($1, $9, $2, $3, $4, $5, $6, $7, $8, $9, $9)
            on conflict (agent_id) do update set
                epoch = case when agent_links.epoch < $9 then $9 else agent_links.epoch + 1 end,
                replacements = case
                    when agent_links.instance = excluded.instance or agent_links.closed_at is not null
                        then agent_links.replacements
                    when agent_links.replaced_at > $9 - 60000000 then agent_links.replacements + 1
                    else 1 end,
                replaced_at = case
                    when agent_links.instance = excluded.instance or agent_links.closed_at is not null
                        or agent_links.replaced_at > $9 - 60000000 then agent_links.replaced_at
                    else $9 end,
                duplicate_at = case
                    when agent_links.instance <> excluded.instance and agent_links.closed_at is null
                        and agent_links.replaced_at > $9 - 60000000 and agent_links.replacements >= 2 then $9
                    else agent_links.duplicate_at end,
                duplicate_address = case
                    when agent_links.instance <> excluded.instance and agent_links.closed_at is null
                        and agent_links.replaced_at > $9 - 60000000 and agent_links.replacements >= 2
                        then cast($10 as text)
                    else agent_links.duplicate_address end,
                instance = excluded.instance, node = excluded.node, software = excluded.software,
                machine = excluded.machine, system = excluded.system, capabilities = excluded.capabilities,
                protocol = excluded.protocol, connected_at = excluded.connected_at,
                last_seen_at = excluded.last_seen_at, closed_at = null
            returning epoch, case when duplicate_at = $9 then 1 else 0 end as duplicate
            """, id, agent.instance, node, agent.software, agent.machine, agent.system, agent.capabilities,
            agent.protocolMax, now, agent.address)
    }

    package static func detach(_ id: AgentID, epoch: Int64, now: Timestamp) -> Statement {
        Statement(
            """
            update agent_links set closed_at = $3 where agent_id = $1 and epoch = $2 and closed_at is null
            returning (select a.name from agents a where a.id = agent_links.agent_id) as name
            """, id, epoch, now)
    }

    /// These links were heard of. One whose end is written down stays ended, and so does what a newer one has replaced;
    /// one that the store does not know, after a failover that lost its beginning, is written down.
    package static func presence(_ links: [(AgentID, Int64)], node: String, now: Timestamp) -> [Statement] {
        SQLList.statements(ofRows: links, leading: [now, node]) { list in
            """
            with heard (agent_id, epoch) as (values \(list))
            update agent_links set last_seen_at = $1, node = $2, epoch = heard.epoch, closed_at = null
            from heard
            where agent_links.agent_id = heard.agent_id and agent_links.last_seen_at < $1
                and (agent_links.epoch < heard.epoch
                    or (agent_links.epoch = heard.epoch and agent_links.closed_at is null))
            """
        }
    }

    /// With the token, where it replaced one within a day, and whether others count beside it still.
    package static func standings(_ agents: [AgentID], now: Timestamp) -> [Statement] {
        SQLList.statements(agents, leading: [now]) { list in
            """
            select a.id, a.revision, a.change_id, s.epoch, coalesce(l.epoch, 0) as link_epoch,
                case when a.previous_token_until > $1 - 86400000000 then a.token_hash end as token_hash,
                case when a.previous_token_until > $1 then 1 else 0 end as overlaps,
                (select min(n.revision) from enforcements n
                    where n.agent_id = a.id and n.applied_revision < n.revision) as unreported_entry,
                (select min(t.revision) from targets t
                    where t.agent_id = a.id and t.applied_revision < t.revision) as unreported_target
            from agents a
            join site s on s.id = 1
            left join agent_links l on l.agent_id = a.id
            where a.disabled = 0 and a.id in (\(list))
            """
        }
    }

    package static func position(_ id: AgentID) -> Statement {
        Statement(
            """
            select a.revision, a.change_id, a.pruned_revision, a.disabled, s.epoch
            from agents a
            join site s on s.id = 1
            where a.id = $1
            """, id)
    }

    package static func change(_ id: AgentID, revision: Int64) -> Statement {
        Statement("select change_id from agent_changes where agent_id = $1 and revision = $2", id, revision)
    }

    package static func targets(_ id: AgentID, above revision: Int64) -> Statement {
        Statement(
            """
            select id, backend, purpose, confirmed, revision from targets
            where agent_id = $1 and revision > $2
            order by revision, id
            """, id, revision)
    }

    package static func entries(_ id: AgentID, above revision: Int64) -> Statement {
        Statement(
            """
            select n.entry_id, e.target_id, e.address, n.wanted, n.revision, n.cut_revision, e.expires_at
            from enforcements n
            join entries e on e.id = n.entry_id
            where n.agent_id = $1 and n.revision > $2
            order by n.revision, n.entry_id
            """, id, revision)
    }

    /// What the transaction that holds the agent's revision has written at it.
    package static func entriesOfNewest(_ id: AgentID) -> Statement {
        Statement(
            """
            select n.entry_id, e.target_id, e.address, n.wanted, n.revision, n.cut_revision, e.expires_at
            from enforcements n
            join entries e on e.id = n.entry_id
            where n.agent_id = $1 and n.revision = (select a.revision from agents a where a.id = $1)
            order by n.entry_id
            """, id)
    }

    package static func wantedEntries(_ id: AgentID) -> Statement {
        Statement(
            """
            select n.entry_id, e.target_id, e.address, n.wanted, n.revision, n.cut_revision, e.expires_at
            from enforcements n
            join entries e on e.id = n.entry_id
            where n.agent_id = $1 and n.wanted = 1
            order by n.revision, n.entry_id
            """, id)
    }

    /// Those of these entries of the agent that are wanted, with their revisions and the site's epoch.
    package static func wanted(_ entries: [EntryID], agent: AgentID) -> [Statement] {
        SQLList.statements(entries, leading: [agent]) { list in
            """
            select n.entry_id, n.revision, s.epoch
            from enforcements n
            join site s on s.id = 1
            where n.agent_id = $1 and n.wanted = 1 and n.entry_id in (\(list))
            """
        }
    }
}
