import KnocknocModel
import KnocknocStore
import KnocknocSystem

extension LocalCluster {
    /// The cluster of this machine that a URL leads to.
    ///
    /// - Parameters:
    ///   - url: Postgres; of several hosts the one that is this machine.
    ///   - defaultUser: the login where the URL names none.
    /// - Throws: ``SystemError`` `invalid` where it is on another machine, `missing` where none listens.
    static func find(_ url: DatabaseURL, defaultUser: String) async throws -> LocalCluster {
        let places = try url.places()
        guard let place = places.first(where: isHere) else {
            let hosts = places.compactMap(\.host).joined(separator: ", ")
            throw SystemError(
                .invalid,
                "the database is at \(hosts), which is another machine: this changes PostgreSQL's files, so run it "
                    + "there. A database as a service has an access list of its own, and its login may make no other: all "
                    + "nodes share the string that the first one uses.")
        }
        let database = place.database ?? place.user ?? defaultUser
        return try await LocalCluster(socket(for: place), database: database)
    }

    /// The site's database on this machine, where no settings name it: a machine that has the database and no web node.
    ///
    /// - Returns: a URL; nil unless exactly one database of this machine is a site's.
    static func ownSite() async throws -> String? {
        var found: [String] = []
        for socket in try PostgresSocket.all() {
            guard let cluster = try? await LocalCluster(socket, database: "postgres") else { continue }
            found += try await cluster.sites().map { "postgres:///\($0)?host=\(socket.folder)&port=\(socket.port)" }
        }
        return found.count == 1 ? found.first : nil
    }

    /// The databases in this cluster that are a site's: those that have its schema as a setting.
    func sites() async throws -> [String] {
        struct Named: Decodable { var name: String }
        let found: [Named] = try await rows(
            """
            select datname as name from pg_database d
            where datallowconn and exists (
                select from pg_db_role_setting s where s.setdatabase = d.oid
                    and array_to_string(s.setconfig, ' ') like '%search_path=\(InstallLayout.schema)%')
            order by datname
            """)
        return found.map(\.name)
    }

    static func isHere(_ place: PostgresPlace) -> Bool {
        guard !place.isSocket, let host = place.host else { return true }
        return OwnAddresses.resolve(host).contains(where: OwnAddresses.contains)
    }

    private static func socket(for place: PostgresPlace) throws -> PostgresSocket {
        if place.isSocket, let folder = place.host {
            return PostgresSocket(folder: trimmed(folder), port: place.port)
        }
        let all = try PostgresSocket.all()
        let found = all.filter { $0.port == place.port }
        guard let first = found.first else {
            let others = Set(all.map(\.port)).sorted().map { "\($0)" }.joined(separator: ", ")
            throw SystemError(
                .missing,
                "no PostgreSQL of this machine listens on port \(place.port)"
                    + (others.isEmpty ? "" : " (there is one on \(others))")
                    + "; is it stopped, or in a container? Name it with --conn \"postgres:///DATABASE?host=FOLDER&port=N\""
            )
        }
        guard found.count == 1 else {
            // One cluster may have several sockets; two clusters on one port have different owners or data.
            if let standard = found.first(where: { ["/run/postgresql", "/var/run/postgresql"].contains($0.folder) }) {
                return standard
            }
            throw SystemError(
                .invalid,
                "several sockets of this machine have port \(place.port): "
                    + found.map(\.folder).joined(separator: ", ")
                    + "; name one with --conn \"postgres:///DATABASE?host=FOLDER&port=\(first.port)\"")
        }
        return first
    }

    private static func trimmed(_ folder: String) -> String {
        folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    }
}
