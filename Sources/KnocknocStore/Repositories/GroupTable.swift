package import KnocknocModel

/// The statements about groups.
package enum GroupTable {
    private static let columns = """
        select g.id, g.name, g.kind, g.claim, g.version, g.created_at,
            (select count(*) from group_members m where m.group_id = g.id) as user_count,
            (select count(*) from knoc_groups k where k.group_id = g.id) as knoc_count
        from groups g
        """

    package static func list(after: GroupID?, limit: Int) -> Statement {
        Statement(constants: "\(columns) where g.id > $1 order by g.id limit $2", [after?.description ?? "", limit])
    }

    package static func one(_ id: GroupID) -> Statement { Statement(constants: "\(columns) where g.id = $1", [id]) }

    package static func insert(
        _ id: GroupID, name: String, key: String, kind: GroupKind, claim: String?, now: Timestamp
    ) -> Statement {
        Statement(
            """
            insert into groups (id, name, name_key, kind, claim, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $6)
            """, id, name, key, kind.rawValue, claim, now)
    }

    package static func update(
        _ id: GroupID, version: Int64, name: String, key: String, kind: GroupKind, claim: String?, now: Timestamp
    ) -> Statement {
        Statement(
            """
            update groups set name = $3, name_key = $4, kind = $5, claim = $6, version = version + 1,
                updated_at = $7
            where id = $1 and version = $2
            returning id
            """, id, version, name, key, kind.rawValue, claim, now)
    }

    /// Keeps others from giving a Knoc to the group until this transaction ends, having waited for those who are at
    /// it: a row that refers to the group waits for a change of its key, not for one of any other column.
    ///
    /// - Parameter version: nil holds whichever there is.
    package static func hold(_ id: GroupID, version: Int64?) -> Statement {
        Statement(
            """
            update groups set name_key = name_key || ' ' || id where id = $1 and ($2 < 0 or version = $2)
            returning id
            """, id, version ?? -1)
    }

    package static func delete(_ id: GroupID) -> Statement { Statement("delete from groups where id = $1", id) }

    /// Makes grants of the group's Knocs that are under way start anew; they see the Knocs' versions.
    package static func touchKnocs(_ id: GroupID) -> Statement {
        Statement(
            """
            update knocs set version = version + 1
            where id in (select knoc_id from knoc_groups where group_id = $1)
            returning id
            """, id)
    }
}
