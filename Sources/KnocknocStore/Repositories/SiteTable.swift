package import KnocknocModel

/// The statements about the site as a whole.
package enum SiteTable {
    package static func now() -> Statement { Statement("select knocknoc_now() as now") }

    package static func counts(now: Timestamp, heardSince: Timestamp) -> Statement {
        Statement(
            """
            select
                (select count(*) from grants where state = 'live' and expires_at > $1) as live_grants,
                (select count(distinct knoc_id) from grants where state = 'live' and expires_at > $1) as open_knocs,
                (select count(*) from sessions where ended_at is null and expires_at > $1) as sessions,
                (select count(*) from sessions
                    where admin_id is not null and ended_at is null and expires_at > $1) as admin_sessions,
                (select count(*) from users) as users,
                (select count(*) from groups) as groups,
                (select count(*) from knocs) as knocs,
                (select count(*) from agents where name_key <> '') as agents,
                (select count(*) from agents a join agent_links l on l.agent_id = a.id) as agents_linked,
                (select count(*) from agents a join agent_links l on l.agent_id = a.id
                    where a.disabled = 0 and l.closed_at is null and l.last_seen_at > $2) as agents_online,
                (select count(*) from enforcements where outcome = 'failed')
                    + (select count(*) from targets where outcome = 'failed') as failed
            """, now, heardSince)
    }

    /// Makes every position that an agent holds one of another history.
    package static func renew(epoch: String) -> Statement {
        Statement("update site set epoch = $1 where id = 1", epoch)
    }

    package static func epoch() -> Statement { Statement("select epoch, knocknoc_now() as now from site where id = 1") }

    /// When the site was made, which no restore, move or failover changes, and the epoch that is now.
    package static func beginning() -> Statement { Statement("select created_at, epoch from site where id = 1") }

    package static func pruneOperations(before: Timestamp) -> Statement {
        Statement("delete from operations where created_at < $1", before)
    }
}
