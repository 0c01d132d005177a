package import KnocknocModel

/// The statements about web nodes; their times are the database's.
package enum NodeTable {
    /// Microseconds without a word after which a node no longer counts.
    private static let patience: Int64 = 60_000_000

    /// - Parameter sweptAt: when it last ended what had expired; nil where it has not yet.
    package static func note(_ node: WebNode, sweptAt: Timestamp? = nil) -> Statement {
        Statement(
            """
            insert into nodes (id, name, version, release, started_at, seen_at, swept_at, zone, agent_url)
            values ($1, $2, $3, $4, knocknoc_now(), knocknoc_now(), $5, $6, $7)
            on conflict (id) do update set seen_at = knocknoc_now(),
                swept_at = coalesce(excluded.swept_at, nodes.swept_at)
            """, node.id, node.name, node.version, node.release, sweptAt, node.zone, node.agentURL)
    }

    /// Where agents reach the nodes that were heard of within 30 s, which is three of their notes.
    package static func agentURLs() -> Statement {
        Statement(
            """
            select distinct agent_url from nodes
            where agent_url is not null and seen_at > knocknoc_now() - $1
            order by agent_url
            """, Int64(30_000_000))
    }

    /// Those that live or were heard of a little while ago, in the order of their names.
    package static func list() -> Statement {
        Statement(
            """
            select id, name, version, release, started_at, seen_at, swept_at, zone,
                case when seen_at > knocknoc_now() - $1 then 1 else 0 end as alive,
                (select count(*) from agent_links l where l.node = nodes.name and l.closed_at is null) as agents
            from nodes
            order by name, id
            """, patience)
    }

    package static func forget(_ node: WebNode) -> Statement {
        Statement("delete from nodes where id = $1", node.id)
    }

    /// Nodes that live and know fewer migrations than `release`.
    package static func olderThan(release: Int) -> Statement {
        Statement(
            """
            select name, version, (knocknoc_now() - seen_at) / 1000000 as seconds
            from nodes
            where release < $1 and seen_at > knocknoc_now() - $2
            order by name, id
            """, release, patience)
    }

    package static func prune(before: Timestamp) -> Statement {
        Statement("delete from nodes where seen_at < $1", before)
    }
}
