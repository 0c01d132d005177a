package import KnocknocModel

/// The statements about web nodes; their times are the database's.
package enum NodeTable {
    /// Microseconds without a word after which a node no longer counts.
    private static let patience: Int64 = 60_000_000

    package static func note(_ node: WebNode) -> Statement {
        Statement(
            """
            insert into nodes (id, name, version, release, started_at, seen_at)
            values ($1, $2, $3, $4, knocknoc_now(), knocknoc_now())
            on conflict (id) do update set seen_at = knocknoc_now()
            """, node.id, node.name, node.version, node.release)
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
