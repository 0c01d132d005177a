package import KnocknocModel

/// The statements about Knocs.
package enum KnocTable {
    private static let columns = """
        k.id, k.name, k.url, k.grant_on, k.duration_seconds, k.open_when, k.features, k.disabled, k.version,
        k.created_at, k.zones, k.placement, k.close_after_seconds
        """

    package static func list(after: KnocID?, limit: Int) -> Statement {
        Statement(
            constants: "select \(columns) from knocs k where k.id > $1 order by k.id limit $2",
            [after?.description ?? "", limit])
    }

    package static func one(_ id: KnocID) -> Statement {
        Statement(constants: "select \(columns) from knocs k where k.id = $1", [id])
    }

    package static func groups(_ ids: [KnocID]) -> [Statement] {
        SQLList.statements(ids) { list in
            "select knoc_id, group_id from knoc_groups where knoc_id in (\(list)) order by knoc_id, group_id"
        }
    }

    package static func targets(_ ids: [KnocID]) -> [Statement] {
        SQLList.statements(ids) { list in
            """
            select kt.knoc_id, kt.backend as given, t.id, t.agent_id, a.name as agent_name, t.backend, t.purpose,
                t.confirmed, t.outcome, t.reason, t.trial, kt.placed
            from knoc_targets kt
            join targets t on t.id = kt.target_id
            join agents a on a.id = t.agent_id
            where kt.knoc_id in (\(list))
            order by kt.knoc_id, kt.position, t.agent_id
            """
        }
    }

    package static func insert(
        _ id: KnocID, name: String, key: String, url: String?, grantOn: GrantOn, durationSeconds: Int64?,
        openWhen: OpenWhen, disabled: Bool, now: Timestamp
    ) -> Statement {
        Statement(
            """
            insert into knocs (id, name, name_key, url, grant_on, duration_seconds, open_when, features, disabled,
                created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, '', $8, $9, $9)
            """, id, name, key, url, grantOn.rawValue, durationSeconds, openWhen.rawValue, disabled, now)
    }

    package static func update(
        _ id: KnocID, version: Int64, name: String, key: String, url: String?, grantOn: GrantOn,
        durationSeconds: Int64?, openWhen: OpenWhen, disabled: Bool, now: Timestamp
    ) -> Statement {
        Statement(
            """
            update knocs set name = $3, name_key = $4, url = $5, grant_on = $6, duration_seconds = $7,
                open_when = $8, disabled = $9, version = version + 1, updated_at = $10
            where id = $1 and version = $2
            returning id
            """, id, version, name, key, url, grantOn.rawValue, durationSeconds, openWhen.rawValue, disabled, now)
    }

    /// Locks the row where it still is as the right was judged by: grants and changes of one Knoc take turns.
    package static func lock(_ id: KnocID, version: Int64) -> Statement {
        Statement(
            "update knocs set version = version where id = $1 and version = $2 and disabled = 0 returning id", id,
            version)
    }

    /// Keeps grants of the Knoc out until the commit; those under way start anew.
    ///
    /// - Parameter version: nil takes whichever there is.
    package static func hold(_ id: KnocID, version: Int64? = nil) -> Statement {
        Statement(
            "update knocs set version = version + 1 where id = $1 and ($2 < 0 or version = $2) returning id", id,
            version ?? -1)
    }

    package static func delete(_ id: KnocID) -> Statement {
        Statement("delete from knocs where id = $1 returning id", id)
    }

    package static func clearGroups(_ id: KnocID) -> Statement {
        Statement("delete from knoc_groups where knoc_id = $1", id)
    }

    package static func addGroup(_ group: GroupID, to id: KnocID) -> Statement {
        Statement(
            "insert into knoc_groups (knoc_id, group_id) values ($1, $2) on conflict (knoc_id, group_id) do nothing",
            id, group)
    }

    /// What its agents do by themselves, and what a node must know to serve it.
    package static func setTerms(
        _ id: KnocID, zones: String, placement: Placement, closeAfterSeconds: Int64?, features: String
    ) -> Statement {
        Statement(
            "update knocs set zones = $2, placement = $3, close_after_seconds = $4, features = $5 where id = $1", id,
            zones, placement.rawValue, closeAfterSeconds, features)
    }
}
