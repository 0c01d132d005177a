import Lab

extension Machine {
    /// Where the installer's answer lies when nobody sat in front of it.
    static let setUpResult = "/run/knocknoc-setup.result"

    /// Puts the server's package where its administrator has it: at home.
    func fetchServer() async throws {
        guard let file = Packages.file("knocknoc") else { throw LabError(Packages.obstacle) }
        // No load balancer is to be told before a stop.
        try await type("ln -sf /run/knocknoc-packages/\(file) .; systemctl set-environment KNOCKNOC_DRAIN_SECONDS=0")
    }

    /// Answers before anybody asks, and installs PostgreSQL in the same run as the server.
    ///
    /// - Returns: what apt showed.
    func installPreseeded(publicURL: String) async throws -> String {
        try await fetchServer()
        return try await type(
            """
            debconf-set-selections <<'ANSWERS'
            knocknoc knocknoc/db-option select 1
            knocknoc knocknoc/listen string 0.0.0.0:\(SingleNode.port)
            knocknoc knocknoc/trusted-forwarders string none
            knocknoc knocknoc/public-url string \(publicURL)
            ANSWERS
            apt-get install -y ./knocknoc_*.deb postgresql
            """)
    }

    /// Purges the server's package in front of a terminal.
    ///
    /// - Parameter removesData: the answer, `yes` or `no`, to what is asked about the site's data.
    /// - Returns: what the terminal showed.
    func purgeServer(removesData: Bool) async throws -> String {
        let terminal = try terminal(["apt-get", "purge", "-y", "knocknoc"])
        try await terminal.expect("Remove the site's data from this machine, too?", within: .seconds(120))
        terminal.type(removesData ? "yes" : "no")
        guard try await terminal.exit(within: .seconds(120)) == 0 else {
            throw LabError("\(name): the package was not purged:\n\(terminal.transcript)")
        }
        return terminal.transcript
    }

    /// What bears our name on the disk, but for logs, what lies at home, and Postgres' own files.
    func leftovers() async throws -> String {
        try await shell(
            """
            find / -xdev -name '*knocknoc*' ! -path '/var/log/*' ! -name '*.deb' ! -path '/etc/postgresql/*' \\
                ! -path '/var/lib/postgresql/*' ! -path '/var/cache/man/*'
            find /run -maxdepth 1 -name '*knocknoc*' ! -name knocknoc-packages
            getent passwd knocknoc || true
            """)
    }

    /// The site's database, and its roles in Postgres.
    func ownInPostgres() async throws -> String {
        try await sql(
            """
            select datname from pg_database where datname = 'knocknoc'
            union all select rolname from pg_roles where rolname like 'knocknoc%' order by 1;
            """)
    }
}
