import KnocknocModel
import KnocknocSystem

extension Replica {
    /// On a standby: lets in there whom the primary lets in, and nobody else. Its pg_hba.conf is a file of its own, which
    /// is not replicated.
    public func refresh() async throws -> Outcome {
        try Superuser.require("changes PostgreSQL's settings and files")
        let own = try await ownCluster()
        guard own.isStandby else {
            throw SystemError(
                .invalid,
                "\(own.name) is no standby: whom a primary lets in is changed by knocker exposedb --add and --remove")
        }
        guard try !Patroni.keeps(own) else { throw Self.patroni(own) }
        return try await SystemFile(own.facts.hbaFile).locked {
            try Promotion.refuseUnderWay(own)
            let cluster = try await LocalCluster(own.socket, database: try await Self.siteDatabase(of: own))
            let before = try cluster.hbaDocument().bytes
            let networks = try await Self.letInAsRecorded(cluster, console)
            let shown = networks.isEmpty ? "nobody" : networks.map(\.description).joined(separator: ", ")
            guard try cluster.hbaDocument().bytes != before else {
                return Outcome(lines: [
                    "This standby lets in whom the primary lets in already, \(shown); nothing changed."
                ])
            }
            return Outcome(changed: true, lines: ["This standby lets in whom the primary lets in: \(shown)."])
        }
    }

    /// The database that has the site's schema as a setting.
    private static func siteDatabase(of cluster: LocalCluster) async throws -> String {
        struct Named: Decodable { var name: String }
        let found: [Named] = try await cluster.rows(
            """
            select distinct d.datname as name from pg_database d join pg_db_role_setting s on s.setdatabase = d.oid
            where 'search_path=\(InstallLayout.schema)' = any(s.setconfig)
            """)
        guard let first = found.first, found.count == 1 else {
            throw SystemError(.invalid, "\(cluster.name) holds \(found.count) databases of Knocknoc; expected one")
        }
        return first.name
    }
}
