import KnocknocModel
import KnocknocStore
import KnocknocSystem

/// The site's database on this machine, found.
struct ExposedSite: Sendable {
    let settings: SiteSettings
    let cluster: LocalCluster
    /// The login of this machine's own server.
    let user: String

    var database: String { cluster.database }

    static func find(_ layout: InstallLayout, _ options: ExposeDB.Options) async throws -> ExposedSite {
        let path = options.configuration ?? layout.configuration
        if let given = options.configuration, !SystemFile(given).exists {
            throw SystemError(.invalid, "there is no \(given)")
        }
        var url = options.connection
        // A standby's machine has no web node's settings; promoted, it is where all this is done.
        if url == nil, !SystemFile(path).exists { url = try await LocalCluster.ownSite() }
        let settings = try SiteSettings(file: path, url: url)
        guard settings.database.engine == .postgres else {
            throw SystemError(
                .invalid,
                "this site's database is SQLite, a file that one server uses: \(settings.database.location). "
                    + "Carry it to Postgres first, with: knocker migrate-db")
        }
        let cluster = try await LocalCluster.find(settings.database, defaultUser: InstallLayout.user)
        guard !cluster.isStandby else {
            throw SystemError(
                .invalid, "\(cluster.name) is a standby and takes no changes; run this on the primary, or promote it")
        }
        try HbaEntry.check(cluster.database)
        let place = try settings.database.places().first(where: LocalCluster.isHere)
        return ExposedSite(settings: settings, cluster: cluster, user: place?.user ?? InstallLayout.user)
    }

    /// The logins of the other nodes, oldest first.
    func logins() async throws -> [NodeLogin] { try await cluster.rows(NodeLogin.query(database: database)) }

    /// The logins that `replica --follow` has made for nodes that came by the socket before.
    func ownLogins() async throws -> [NodeLogin] {
        try await cluster.rows(NodeLogin.query(database: database, isOwn: true))
    }

    /// Our lines of pg_hba.conf for this database.
    func entries() throws -> [HbaEntry] { try cluster.hbaDocument().document.entries(of: database) }

    /// Who comes from another node.
    func guest(_ login: String) async throws -> HbaVerdict.Guest {
        struct Role: Decodable { var name: String }
        let names = "\(try SQLText.literal(InstallLayout.owner)), \(try SQLText.literal(login))"
        let roles: [Role] = try await cluster.rows(
            """
            select rolname as name from pg_roles
            where exists (
                    select from pg_roles o where o.rolname in (\(names)) and pg_has_role(o.oid, pg_roles.oid, 'member'))
                and not rolsuper
            """)
        return HbaVerdict.Guest(database: database, login: login, roles: Set(roles.map(\.name) + [login]))
    }
    /// Everybody who comes with a login of this site, with TLS and without.
    func guests() async throws -> [HbaVerdict.Guest] {
        let names = try await logins().map(\.name) + ownLogins().map(\.name) + [user]
        var guests: [HbaVerdict.Guest] = []
        for name in names where !guests.contains(where: { $0.login == name }) {
            var guest = try await guest(name)
            guests.append(guest)
            guest.isEncrypted = false
            guests.append(guest)
        }
        return guests
    }
}
