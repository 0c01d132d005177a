import KnocknocModel
import KnocknocSystem

/// The Postgres of this machine as the installer's first choice uses it: one database, over the local socket only.
///
/// Everything is done as Debian's own tools do it: `pg_lsclusters`, `pg_createcluster`, `pg_ctlcluster`, and `psql` as the
/// user `postgres`.
public struct LocalPostgres: Sendable {
    /// A line of `pg_lsclusters --no-header`.
    public struct Cluster: Hashable, Sendable {
        public var version: String
        public var name: String
        public var port: Int
        public var isOnline: Bool

        init?(line: Substring) {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            guard words.count >= 4, let port = Int(words[2]) else { return nil }
            version = String(words[0])
            name = String(words[1])
            self.port = port
            isOnline = words[3].hasPrefix("online") && !words[3].contains("recovery")
        }
    }

    /// What was there before, so that an undo takes away only what was made.
    struct Found: Sendable {
        var ownerRole: Bool
        var loginRole: Bool
        var database: Bool
    }

    public static let database = "knocknoc"
    public let cluster: Cluster

    /// The string of the server's settings.
    public var url: String {
        "postgres:///\(Self.database)?host=/var/run/postgresql" + (cluster.port == 5432 ? "" : "&port=\(cluster.port)")
    }

    /// The clusters of this machine; none where Postgres is not installed.
    public static func clusters() async throws -> [Cluster] {
        guard SystemFile("/usr/bin/pg_lsclusters").exists else { return [] }
        let text = try await Command.check("listing Postgres' clusters", ["/usr/bin/pg_lsclusters", "--no-header"])
        return parse(text)
    }

    static func parse(_ text: String) -> [Cluster] {
        text.split(separator: "\n").compactMap(Cluster.init(line:))
    }

    /// Installs Postgres where it is not, starts it where it does not run, and chooses a cluster: the one on 5432, else
    /// the newest that takes writes.
    public static func ready() async throws -> LocalPostgres {
        if try await clusters().isEmpty { try await DebianPackage.install(["postgresql"]) }
        var all = try await clusters()
        if all.isEmpty {
            let versions = try await Command.check("looking for Postgres", ["ls", "/usr/lib/postgresql"])
            guard let newest = versions.split(separator: "\n").max(by: { (Int($0) ?? 0) < (Int($1) ?? 0) }) else {
                throw SystemError(.missing, "PostgreSQL is installed and /usr/lib/postgresql is empty")
            }
            try await Command.check(
                "making a Postgres cluster", ["/usr/bin/pg_createcluster", String(newest), "main"])
            all = try await clusters()
        }
        if let chosen = choose(all.filter(\.isOnline)) { return LocalPostgres(cluster: chosen) }
        guard let chosen = choose(all) else { throw SystemError(.missing, "there is no Postgres cluster here") }
        let service = "postgresql@\(chosen.version)-\(chosen.name)"
        if SystemdUnit.isHere {
            try await SystemdUnit(service).start()
        } else {
            try await Command.check(
                "starting Postgres \(chosen.version)/\(chosen.name)",
                ["/usr/bin/pg_ctlcluster", chosen.version, chosen.name, "start"])
        }
        return LocalPostgres(cluster: chosen)
    }

    static func choose(_ clusters: [Cluster]) -> Cluster? {
        clusters.first { $0.port == 5432 } ?? clusters.max { (Double($0.version) ?? 0) < (Double($1.version) ?? 0) }
    }

    /// Debian's unit leaves a Postgres down that was killed, by the kernel for want of memory for example.
    var dropIn: SystemFile {
        SystemFile("/etc/systemd/system/postgresql@\(cluster.version)-\(cluster.name).service.d/knocknoc.conf")
    }

    /// Has systemd start this cluster again where it ends by a signal; a stop stays a stop.
    func keepRunning() async throws {
        try SystemFolder.make(SystemFolder.parent(of: dropIn.path), mode: 0o755)
        try dropIn.replace(
            with: """
                # Written by knocknoc-setup: a PostgreSQL that is killed, or crashes, is started again. Restart= would start
                # one again, too, that its owner stops by pg_ctlcluster.
                [Service]
                RestartForceExitStatus=SIGKILL SIGABRT SIGBUS SIGFPE SIGILL SIGSEGV
                RestartSec=1

                """, attributes: .init(mode: 0o644, owner: 0, group: 0))
        try await SystemdUnit.readFiles()
    }

    func leaveAlone() async throws {
        try dropIn.remove()
        try await SystemdUnit.readFiles()
    }

    func found() async throws -> Found {
        let answer = try await sql(
            """
            select exists (select from pg_roles where rolname = 'knocknoc_owner'),
                exists (select from pg_roles where rolname = 'knocknoc'),
                exists (select from pg_database where datname = 'knocknoc');
            """)
        let values = answer.split(separator: "|").map { $0 == "t" }
        guard values.count == 3 else { throw SystemError(.failed, "Postgres answered \"\(answer)\"") }
        return Found(ownerRole: values[0], loginRole: values[1], database: values[2])
    }

    /// Where a cluster of this machine that would be used can be reached from others.
    public struct Exposure: Hashable, Sendable {
        /// As in `listen_addresses`.
        public var addresses: String
        /// Lines of pg_hba.conf that let others into our database without a password.
        public var openings: [String]
    }

    /// How the cluster that would be used is exposed; nil where none runs, or only this machine reaches it.
    public static func exposureHere() async throws -> Exposure? {
        guard let chosen = choose(try await clusters().filter(\.isOnline)) else { return nil }
        let socket = PostgresSocket(folder: "/var/run/postgresql", port: chosen.port)
        return try await exposure(of: try await LocalCluster(socket, database: "postgres"))
    }

    static func exposure(of cluster: LocalCluster) async throws -> Exposure? {
        let addresses = try await cluster.settings(["listen_addresses"])["listen_addresses"]?.setting ?? ""
        let isReached = addresses.split(separator: ",").contains { word in
            let host = String(word.filter { $0 != " " })
            return host != "localhost" && IPAddress(host)?.isLoopback != true
        }
        guard isReached else { return nil }
        let rules = try await cluster.hbaRules()
        var guest = HbaVerdict.Guest(database: database, login: database, roles: [database, InstallLayout.owner])
        var found: [HbaRule] = []
        let own = OwnAddresses.networks().filter { !$0.address.isLoopback }
        for everywhere in [CIDR(containing: .v4(0), length: 0), CIDR(containing: .v6(0), length: 0)].compactMap(\.self)
        {
            for isEncrypted in [true, false] {
                guest.isEncrypted = isEncrypted
                // Our login has no password, so nothing but trust lets it in.
                for rule in HbaVerdict(everywhere, guest, rules, own: own).admitting
                where rule.auth_method == "trust" && rule.network?.address.isLoopback != true && !found.contains(rule) {
                    found.append(rule)
                }
            }
        }
        let file = cluster.facts.hbaFile
        return Exposure(addresses: addresses, openings: found.map { "\($0.place(in: file)) of \(file): \($0.shown)" })
    }

    /// Tables of somebody else in the database `knocknoc` of the cluster that would be used; none where there is none.
    public static func foreignTablesHere() async throws -> [String] {
        let running = try await clusters().filter(\.isOnline)
        guard let cluster = choose(running) else { return [] }
        return try await LocalPostgres(cluster: cluster).foreignTables()
    }

    /// Tables in the database `knocknoc` that are not ours; none where it is not there.
    func foreignTables() async throws -> [String] {
        guard try await found().database else { return [] }
        let text = try await sql(
            """
            select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('r', 'p') and n.nspname <> 'information_schema'
                and (n.nspname <> 'knocknoc' or not exists (
                        select from pg_class k join pg_namespace s on s.oid = k.relnamespace
                        where s.nspname = 'knocknoc' and k.relname = 'schema_state'))
                and left(n.nspname, 3) <> 'pg_' order by 1 limit 5;
            """, in: Self.database)
        return text.split(separator: "\n").map(String.init)
    }

    /// Makes roles, database and schema; what is there already stays.
    func make() async throws -> Found {
        let before = try await found()
        var roles = ""
        if !before.ownerRole { roles += "create role knocknoc_owner nologin;\n" }
        // Without a password: only the system's user of that name gets in, over the socket.
        if !before.loginRole { roles += "create role knocknoc login;\n" }
        try await sql(roles + "grant knocknoc_owner to knocknoc;")
        if !before.database {
            try await sql("create database knocknoc owner knocknoc_owner template template0 encoding 'UTF8';")
        }
        try await sql(
            """
            revoke all on database knocknoc from public;
            grant connect on database knocknoc to knocknoc;
            alter role knocknoc in database knocknoc set role = knocknoc_owner;
            alter role knocknoc in database knocknoc set search_path = knocknoc;
            """)
        try await sql("create schema if not exists knocknoc authorization knocknoc_owner;", in: Self.database)
        return before
    }

    /// Takes away what ``make()`` made.
    func unmake(_ before: Found) async throws {
        var script = ""
        if !before.database { script += "drop database if exists knocknoc with (force);\n" }
        if !before.loginRole { script += "drop role if exists knocknoc;\n" }
        if !before.ownerRole { script += "drop role if exists knocknoc_owner;\n" }
        // One by one: a database cannot be dropped inside a transaction.
        for statement in script.split(separator: "\n") { try await sql(String(statement)) }
    }

    @discardableResult
    private func sql(_ script: String, in database: String = "postgres") async throws -> String {
        try await Command.check(
            "setting up Postgres \(cluster.version)/\(cluster.name)",
            [
                "runuser", "-u", "postgres", "--", "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-p",
                "\(cluster.port)", "-d", database,
            ], input: script)
    }
}
