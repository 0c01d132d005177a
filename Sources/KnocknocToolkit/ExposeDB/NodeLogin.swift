import KnocknocSystem

/// A login that web nodes on other machines share; a second one takes its place when the password is changed.
struct NodeLogin: Decodable, Sendable {
    struct Session: Decodable, Sendable {
        /// `local` over the Unix socket.
        var address: String
        var application: String
        var count: Int

        var shown: String { "\(count) from \(address)\(application.isEmpty ? "" : " (\(application))")" }
    }

    var name: String
    /// Whether somebody has been shown its password.
    var isShown: Bool
    var sessions: [Session]

    private static let prefix = "knocknoc_node_"
    static let ownPrefix = "knocknoc_own_"

    /// Kept as the role's comment: by it we know our own.
    private static func note(_ database: String, isShown: Bool = true) -> String {
        "knocker exposedb: other web nodes' login to \"\(database)\"" + (isShown ? "" : ", not shown yet")
    }

    static func ownNote(_ database: String) -> String {
        "knocker replica: login of a database machine's own web node to \"\(database)\""
    }

    static func query(database: String, isOwn: Bool = false) throws(SystemError) -> String {
        let notes = isOwn ? [ownNote(database)] : [note(database), note(database, isShown: false)]
        let comment = "shobj_description(r.oid, 'pg_authid')"
        let unshown = try SQLText.literal(note(database, isShown: false))
        return """
            select rolname as name, \(comment) <> \(unshown) as "isShown", coalesce((
                select json_agg(json_build_object('address', s.address, 'application', s.application, 'count', s.count)
                    order by s.address, s.application)
                from (
                    select coalesce(host(client_addr), 'local') as address, coalesce(application_name, '') as application,
                        count(*) as count
                    from pg_stat_activity where usesysid = r.oid group by 1, 2
                ) s), '[]') as sessions
            from pg_roles r where \(comment) in (\(try SQLText.literal(notes[0])), \(try SQLText.literal(notes.last ?? "")))
            order by length(rolname), rolname
            """
    }

    /// A name that no role of the cluster has, later in order than all before it.
    static func newName(_ cluster: LocalCluster) async throws -> String {
        struct Role: Decodable { var name: String }
        let roles: [Role] = try await cluster.rows(
            "select rolname as name from pg_roles where rolname like 'knocknoc\\_node\\_%'")
        let numbers = roles.compactMap { Int($0.name.dropFirst(prefix.count)) }
        return prefix + "\((numbers.max() ?? 0) + 1)"
    }

    /// What makes it, inside a transaction.
    ///
    /// - Parameter verifier: of its password, which itself is never sent.
    static func making(_ name: String, verifier: String, database: String) throws -> String {
        let (login, owner) = (try SQLText.identifier(name), try SQLText.identifier(InstallLayout.owner))
        let place = try SQLText.identifier(database)
        return """
            create role \(login) login password \(try SQLText.literal(verifier));
            comment on role \(login) is \(try SQLText.literal(note(database, isShown: false)));
            grant \(owner) to \(login);
            grant connect on database \(place) to \(owner);
            alter role \(login) in database \(place) set role = \(owner);
            alter role \(login) in database \(place) set search_path = \(InstallLayout.schema);
            """
    }

    /// What gives it another password, inside a transaction.
    static func renewing(_ name: String, verifier: String, database: String) throws -> String {
        let login = try SQLText.identifier(name)
        return """
            alter role \(login) password \(try SQLText.literal(verifier));
            comment on role \(login) is \(try SQLText.literal(note(database, isShown: false)));
            """
    }

    /// What notes that its password was shown.
    static func showing(_ name: String, database: String) throws -> String {
        "comment on role \(try SQLText.identifier(name)) is \(try SQLText.literal(note(database)));"
    }

    /// What ends everybody's session that uses it.
    static func ending(_ name: String) throws -> String {
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = \(try SQLText.literal(name));"
    }

    /// What takes it away, with whoever uses it.
    static func dropping(_ name: String) throws -> String {
        let login = try SQLText.identifier(name)
        let owner = try SQLText.identifier(InstallLayout.owner)
        // Nobody comes back between the end of a session and the end of the login: the first statement stands by then.
        return """
            alter role \(login) nologin;
            \(try ending(name))
            begin;
            reassign owned by \(login) to \(owner);
            drop owned by \(login);
            drop role \(login);
            commit;
            """
    }
}
