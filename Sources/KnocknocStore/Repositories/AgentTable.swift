package import KnocknocModel

/// The statements about agents and where their streams stand.
package enum AgentTable {
    // A node that is gone declares nothing.
    private static let columns = """
        select a.id, a.name, a.zone, a.told_zone, a.edge, a.disabled, a.embedded, a.signing_key, a.sealing_key,
            a.offered_signing_key, a.offered_sealing_key, a.version, a.created_at, l.node, l.connected_at,
            l.last_seen_at, l.closed_at, l.software, l.machine, l.system,
            l.capabilities, l.protocol, l.duplicate_at, l.duplicate_address, knocknoc_now() as now,
            (select max(d.name) from nodes d where d.name = a.declared_by) as declared_by,
            (select count(*) from enforcements n where n.agent_id = a.id and n.wanted = 1) as entries_wanted,
            (select count(*) from enforcements n
                where n.agent_id = a.id and n.wanted = 1 and n.outcome in ('applied', 'dry_run')) as entries_applied
        from agents a
        left join agent_links l on l.agent_id = a.id
        """

    /// Without the site itself.
    ///
    /// - Parameter zone: those that stand in it; nil for all.
    package static func list(after: AgentID?, limit: Int, zone: String? = nil) -> Statement {
        let after = after?.description ?? ""
        guard let zone else {
            return Statement(
                constants: "\(columns) where a.id > $1 and a.id <> $3 order by a.id limit $2",
                [after, limit, AgentID.server])
        }
        return Statement(
            constants: """
                \(columns) where a.id > $1 and a.id <> $3 and coalesce(a.zone, a.told_zone) = $4 order by a.id limit $2
                """, [after, limit, AgentID.server, zone])
    }

    /// Zones that agents stand in.
    package static func zones(limit: Int) -> Statement {
        Statement(
            """
            select distinct coalesce(zone, told_zone) as zone from agents
            where coalesce(zone, told_zone) is not null
            order by zone limit $1
            """, limit)
    }

    package static func one(_ id: AgentID) -> Statement { Statement(constants: "\(columns) where a.id = $1", [id]) }

    package static func called(_ key: String) -> Statement {
        Statement(constants: "\(columns) where a.name_key = $1", [key])
    }

    package static func openGrants(_ id: AgentID) -> Statement {
        Statement(
            """
            select count(distinct ge.grant_id) as n
            from enforcements n
            join grant_entries ge on ge.entry_id = n.entry_id
            join grants g on g.id = ge.grant_id
            where n.agent_id = $1 and n.wanted = 1 and g.state = 'live'
            """, id)
    }

    package static func embedded(key: String) -> Statement {
        Statement("select id from agents where name_key = $1 and embedded = 1", key)
    }

    /// What a declaration is compared with.
    package static func declared(key: String) -> Statement {
        Statement("select id, name, zone, embedded, declared_by, token_hash from agents where name_key = $1", key)
    }

    package static func declared(by node: String) -> Statement {
        Statement("select id, name from agents where declared_by = $1 order by id", node)
    }

    package static func declare(_ id: AgentID, name: String, zone: String?, by node: String?, now: Timestamp)
        -> Statement
    {
        Statement(
            """
            update agents set name = $2, zone = $3, declared_by = $4, version = version + 1, updated_at = $5 where id = $1
            """, id, name, zone, node, now)
    }

    package static func undeclare(_ id: AgentID, by node: String, now: Timestamp) -> Statement {
        Statement(
            """
            update agents set declared_by = null, version = version + 1, updated_at = $3
            where id = $1 and declared_by = $2
            """, id, node, now)
    }

    package static func insert(
        _ id: AgentID, name: String, key: String, zone: String?, embedded: Bool, token hash: [UInt8], change: String,
        now: Timestamp
    ) -> Statement {
        Statement(
            """
            insert into agents (id, name, name_key, zone, embedded, token_hash, change_id, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
            """, id, name, key, zone, embedded, hash, change, now)
    }

    /// Which of these keys agents have.
    package static func taken(_ keys: [String]) -> [Statement] {
        SQLList.statements(keys) { "select name_key from agents where name_key in (\($0))" }
    }

    /// A new token; those before count too for a while, each by its own row among the revoked ones.
    package static func rotate(_ id: AgentID, token hash: [UInt8], until: Timestamp, now: Timestamp) -> Statement {
        Statement(
            """
            update agents set previous_token_hash = token_hash, previous_token_until = $3, token_hash = $2, updated_at = $4
            where id = $1
            """, id, hash, until, now)
    }

    /// A new token, and with it new keys at the next contact.
    package static func enrol(_ id: AgentID, token hash: [UInt8], now: Timestamp) -> Statement {
        Statement(
            """
            update agents set token_hash = $2, previous_token_hash = null, signing_key = null, sealing_key = null,
                offered_signing_key = null, offered_sealing_key = null, disabled = 0, updated_at = $3
            where id = $1
            """, id, hash, now)
    }

    package static func update(
        _ id: AgentID, version: Int64, name: String, key: String, zone: String?, disabled: Bool, now: Timestamp
    ) -> Statement {
        Statement(
            """
            update agents set name = $3, name_key = $4, zone = $5, disabled = $6, version = version + 1,
                updated_at = $7
            where id = $1 and version = $2
            returning id
            """, id, version, name, key, zone, disabled, now)
    }

    /// Makes grants of the agent's Knocs that are under way start anew; they see the Knocs' versions.
    package static func touchKnocs(_ id: AgentID) -> Statement {
        Statement(
            """
            update knocs set version = version + 1
            where id in (
                select kt.knoc_id from knoc_targets kt join targets t on t.id = kt.target_id where t.agent_id = $1)
            """, id)
    }

    /// - Parameter version: nil deletes whichever there is.
    package static func delete(_ id: AgentID, version: Int64?) -> Statement {
        Statement("delete from agents where id = $1 and ($2 < 0 or version = $2) returning id", id, version ?? -1)
    }

    /// Moves the stream on and locks it until the commit. Everything that touches an agent's entries comes after it.
    package static func bump(_ id: AgentID, change: String) -> Statement {
        Statement(
            "update agents set revision = revision + 1, change_id = $2 where id = $1 returning revision", id, change)
    }

    /// Notes the revision, for agents that will name it as their position; returns it with the site's epoch and the
    /// change id of the revision before, null where that one was not noted.
    package static func noteRevision(_ id: AgentID, now: Timestamp) -> Statement {
        Statement(
            """
            insert into agent_changes (agent_id, revision, change_id, created_at)
            select id, revision, change_id, $2 from agents where id = $1
            returning revision, change_id, (select s.epoch from site s where s.id = 1) as epoch,
                (select b.change_id from agent_changes b
                    where b.agent_id = agent_changes.agent_id and b.revision = agent_changes.revision - 1) as before
            """, id, now)
    }

    /// Everything is to be confirmed anew, as for an agent that has let go of all.
    package static func forgetConfirmations(_ id: AgentID, now: Timestamp) -> [Statement] {
        [
            Statement(
                """
                update enforcements set outcome = 'pending', reason = null, confirmed_at = null, changed_at = $2,
                    revision = (select a.revision from agents a where a.id = $1)
                where agent_id = $1
                """, id, now),
            Statement(
                """
                update targets set outcome = 'pending', reason = null,
                    revision = (select a.revision from agents a where a.id = $1)
                where agent_id = $1
                """, id),
        ]
    }

    package static func prunePositions(before: Timestamp) -> Statement {
        Statement(
            """
            delete from agent_changes
            where created_at < $1 and exists (
                select 1 from agents a where a.id = agent_changes.agent_id and a.revision > agent_changes.revision)
            """, before)
    }

    /// Every position but the newest is answered by a snapshot from now on.
    package static func forgetPositions(_ id: AgentID) -> Statement {
        Statement("update agents set pruned_revision = revision where id = $1", id)
    }

    package static func raisePruned(_ id: AgentID, to revision: Int64) -> Statement {
        Statement(
            """
            update agents set pruned_revision = case when $2 > pruned_revision then $2 else pruned_revision end
            where id = $1
            """, id, revision)
    }
}
