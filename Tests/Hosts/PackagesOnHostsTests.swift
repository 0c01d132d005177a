import Lab
import Testing

extension WholeHosts {
    /// What the packages do on machines that run: with the real installer, a real Postgres, and systemd.
    ///
    /// On hosts of its own; each test can be run alone.
    @Suite("packages", .rack) struct PackagesOnHostsTests {
        @Test(
            "at a terminal apt asks nothing and tells the next step; --guide, --embedded, and gone when purged with yes",
            .timeLimit(limit))
        func typed() async throws {
            try await RackTrait.with { site in
                let machine = try await site.rack.machine("two", 2)
                try await machine.fetchServer()
                let terminal = try await machine.terminal(["sh", "-c", "cd && exec apt-get install ./knocknoc_*.deb"])
                // apt's own question, since libraries come with it; what would be asked after it is answered by nobody.
                try await terminal.expect("Do you want to continue? [Y/n]", within: .seconds(60))
                terminal.type("")
                #expect(try await terminal.exit(within: .seconds(120)) == 0)
                let said = terminal.transcript
                #expect(said.contains("\nknocknoc is installed and does not run yet. Next step: sudo knocknoc-setup\n"))
                #expect(try await machine.attempt(["systemctl", "is-active", "knocknoc"]).line == "inactive")
                #expect(try await machine.attempt(["systemctl", "is-enabled", "knocknoc"]).line == "enabled")

                let guide = try await machine.run(["runuser", "-u", "nobody", "--", "knocknoc-setup", "--guide"]).text
                #expect(guide.hasPrefix("Which kind of site?\n") && guide.contains("knocknoc-setup --embedded"))

                let set = try await machine.run([
                    "knocknoc-setup", "--non-interactive", "--embedded", "--listen", "0.0.0.0:\(SingleNode.port)",
                    "--public-url", "https://two:\(SingleNode.port)",
                ])
                try await machine.untilHealthy()
                let admin = try WebClient(
                    on: machine.host, base: "https://two:\(SingleNode.port)", address: machine.ipv4)
                try await admin.becomeAdministrator(with: try Machine.SetUp(set.text).code ?? "")
                let file = try await machine.run(["head", "-c", "15", "/var/lib/knocknoc/knocknoc.db"]).text
                #expect(file == "SQLite format 3")
                #expect(try await machine.attempt(["which", "psql"]).status != 0)

                _ = try await machine.purgeServer(removesData: true)
                let rest = try await machine.leftovers()
                #expect(rest == "")
            }
        }

        @Test(
            "answers given before set up a site and its second node; the database stays while it is used, and until somebody says yes",
            .timeLimit(limit))
        func preseeded() async throws {
            try await RackTrait.with { site in
                let machines = try await site.rack.machines([("one", 1), ("two", 2)])
                let (one, two) = (machines[0], machines[1])
                let code = try await setUp(one)
                let admin = try WebClient(on: one.host, base: origin, address: one.ipv4)
                try await admin.becomeAdministrator(with: code)
                try await join(two, at: one)

                // Debian's helper has systemd read its files again only where it takes away what enables a unit.
                try await one.run(["systemctl", "disable", "knocknoc"])
                let kept = try await one.purgeServer(removesData: false)
                #expect(kept.contains("the site's data stays"))
                #expect(try await restarts(of: postgres(one), on: one) == [])
                try await checkKept(one, usedBy: two)
                try await goOn(one, usedBy: two)

                let refused = try await one.purgeServer(removesData: true)
                #expect(
                    refused.contains("is being accessed by other users") && refused.contains("they stay"), "\(refused)")
                try await checkKept(one, usedBy: two)
                try await goOn(one, usedBy: two)

                // Another machine's database is nobody's to remove from here.
                _ = try await two.purgeServer(removesData: true)
                #expect(try await two.leftovers() == "")
                #expect(try await one.ownInPostgres().contains("knocknoc\n"))
                try await one.run(["knocker", "exposedb", "--disable"])
                _ = try await one.purgeServer(removesData: true)
                #expect(try await one.ownInPostgres() == "")
                #expect(try await one.leftovers() == "")
                #expect(try await restarts(of: postgres(one), on: one) == [])
                // It answers a moment before systemd knows that it has started again.
                try await one.shell(
                    "timeout 60 bash -c 'until systemctl is-active -q \(try await postgres(one)); do sleep 0.1; done'")
                // What was said to remove it later does where nothing is left, too.
                let said = refused.split(separator: "\n").first { $0.hasPrefix("runuser -u postgres -- psql") }
                try await one.type(String(try #require(said)))
            }
        }

        private var origin: String { "https://one:\(SingleNode.port)" }

        private func postgres(_ machine: Machine) async throws -> String {
            "postgresql@\(try await machine.run(["ls", "/etc/postgresql"]).line)-main.service"
        }

        /// What the unit may end with so that systemd starts it again.
        private func restarts(of unit: String, on machine: Machine) async throws -> [String] {
            try await machine.run(["systemctl", "show", "-P", "RestartForceExitStatus", unit]).line
                .split(separator: " ").map(String.init)
        }

        /// - Returns: the code of the link for the first administrator.
        private func setUp(_ one: Machine) async throws -> String {
            let said = try await one.installPreseeded(publicURL: origin)
            try await one.untilHealthy()
            #expect(said.contains("knocknoc is set up") && said.contains(Machine.setUpResult), "\(said)")
            // apt keeps what is shown in its log, which is not for root only.
            #expect(!said.contains("/admin/setup#"))
            #expect(try await one.run(["stat", "-c", "%U:%G %a", Machine.setUpResult]).line == "root:root 600")
            let file = try await one.read("/opt/knocknoc/etc/knocknoc.conf")
            #expect(file.contains("postgres:///knocknoc?host=/var/run/postgresql\n"), "\(file)")
            let restarts = try await restarts(of: postgres(one), on: one)
            #expect(restarts.contains("KILL"), "\(restarts)")
            return try #require(try Machine.SetUp(try await one.read(Machine.setUpResult)).code)
        }

        /// The page's own lines, with this site's string.
        private func join(_ two: Machine, at one: Machine) async throws {
            let url = try await one.exposeDatabase()
            try await one.run(["knocker", "exposedb", "--add", two.ipv4])
            var page = try Walkthrough("packages.md", purpose: "preseed", addresses: ("192.168.100.", "10.77.0."))
            let lines = try page.next(on: "web")
            #expect(page.isDone && lines.contains("postgres://…"))
            try await two.fetchServer()
            let said = try await two.type(lines.replacing("postgres://…", with: url))
            try await two.untilHealthy()
            let result = try await two.read(Machine.setUpResult)
            #expect(result.contains("Administration: ") && !result.contains("/admin/setup#"), "\(result)")
            let secret = try #require(url.split(separator: ":").dropFirst(2).first?.split(separator: "@").first)
            #expect(!said.contains(secret))
            let found = try await two.attempt(["grep", "-rl", String(secret), "/var/cache/debconf", "/var/log", "/run"])
            #expect(found.text == "")
        }

        /// The settings are gone; the database is there, and the other node works on it.
        private func checkKept(_ one: Machine, usedBy two: Machine) async throws {
            #expect(try await one.run(["ls", "/opt/knocknoc/etc"]).text == "encryption.key\n")
            let left = try await one.ownInPostgres().split(separator: "\n")
            #expect(left.contains("knocknoc") && left.contains("knocknoc_owner"), "\(left)")
            #expect(try await one.sql("select count(*) from knocknoc.admins;", database: "knocknoc") != "0\n")
            try await two.untilHealthy()
        }

        /// Installed again by the same lines, the site is the one that it was.
        private func goOn(_ one: Machine, usedBy two: Machine) async throws {
            _ = try await one.installPreseeded(publicURL: origin)
            try await one.untilHealthy()
            let admin = try WebClient(on: one.host, base: origin, address: one.ipv4)
            #expect(try await admin.signIn("root", Site.adminPassword, admin: true).status == 200)
            #expect(try Machine.SetUp(try await one.read(Machine.setUpResult)).code == nil)
        }
    }
}
