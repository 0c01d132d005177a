import Foundation
import Lab
import Testing

extension WholeHosts {
    /// The database is a service's: a login that may do nothing but use its own database, TLS alone, a pooler in front.
    @Suite("a managed database") struct ManagedDatabaseTests {
        @Test(
            "a limited login is enough for two nodes, one behind the pooler; its password changes under them without a restart or a sign-out",
            .timeLimit(limit))
        func managed() async throws { try await scenario(nil, 20) }

        @Test("the same with PostgreSQL 13, of Debian bullseye", .timeLimit(limit), .onlyLong)
        func older() async throws {
            try await WholeHosts.need("bullseye")
            try await scenario("bullseye", 26)
        }

        @Test("the same with PostgreSQL 17, of Debian trixie", .timeLimit(limit), .onlyLong)
        func newer() async throws {
            try await WholeHosts.need("trixie")
            try await scenario("trixie", 23)
        }

        private func scenario(_ release: String?, _ number: Int) async throws {
            try await RackTrait.with { site in
                let began = Clock.now
                let managed = try await ManagedDatabase.make(on: site.rack, release: release, number)
                let version = try await version(managed)
                Lab.measured("managed database: PostgreSQL \(version), set up in \(Clock.now - began) s")
                try await refusals(managed)
                try await rights(managed)
                let session = try await sessions(managed)
                let change = Clock.now
                try await passwordChange(managed, session)
                let end = Clock.now
                Lab.measured("managed database: password changed in \(end - change) s, in all \(end - began) s")
                await site.rack.scrap([managed.database] + managed.nodes)
            }
        }

        private func version(_ managed: ManagedDatabase) async throws -> String {
            try await managed.database.sql("show server_version;").trimmingCharacters(in: .newlines)
        }

        /// Plain connections are refused by server and pooler, a database of somebody else is, and it is said what to do.
        private func refusals(_ managed: ManagedDatabase) async throws {
            let words = "it takes TLS only: write sslmode=require in the string"
            #expect(managed.refusals[0].components(separatedBy: words).count == 3, "\(managed.refusals[0])")
            #expect(managed.refusals[0].contains("the database shop is not empty; it has public.orders"))
            for way in [
                "check the name after the last /", "take channel_binding out of the string", "check login and password",
            ] { #expect(managed.refusals[0].contains(way), "\(managed.refusals[0])") }
            #expect(managed.refusals[1].contains(words), "\(managed.refusals[1])")
            #expect(!managed.refusals.joined().contains("exposedb"), "a service has no exposedb")
            let login = ManagedLogin(host: managed.database.name)
            let plain = try await managed.database.attempt("select 1", as: login, "sslmode=disable")
            #expect(plain.status != 0 && plain.errors.contains("no pg_hba.conf entry"), "\(plain.errors)")
        }

        /// What the login is, and what the server refuses it.
        private func rights(_ managed: ManagedDatabase) async throws {
            let (database, login) = (managed.database, ManagedLogin(host: managed.database.name))
            let facts = try await database.sql(
                """
                select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls,
                    (select count(*) from pg_auth_members where member = r.oid),
                    (select string_agg(datname, ',') from pg_database where datdba = r.oid),
                    (select nspowner = r.oid from pg_namespace where nspname = 'knocknoc')
                from pg_roles r where rolname = 'knocknoc';
                """, database: "knocknoc"
            ).trimmingCharacters(in: .newlines)
            #expect(facts == "f|0|knocknoc|t")
            let plain = try await database.sql(
                """
                select count(*) from pg_stat_activity a join pg_stat_ssl s using (pid)
                where a.usename = 'knocknoc' and not s.ssl;
                """)
            #expect(plain == "0\n")
            #expect(try await database.attempt("select count(*) from knocknoc.users", as: login).status == 0)
            for statement in [
                "create role other", "create database other", "alter system set work_mem = '8MB'",
                "alter role knocknoc createrole", "copy (select 1) to program 'true'",
                "select pg_read_file('PG_VERSION')",
                "select rolpassword from pg_authid",
            ] {
                let refused = try await database.attempt(statement, as: login)
                #expect(
                    refused.errors.contains("permission denied") || refused.errors.contains("must be "),
                    "\(statement): \(refused.errors)")
            }
            let copied = try await database.attempt(
                "IDENTIFY_SYSTEM", as: login, "sslmode=require replication=database")
            #expect(copied.status != 0)
        }

        /// A sign-in at one node holds at the other, and so does signing out.
        private func sessions(_ managed: ManagedDatabase) async throws -> String {
            let (north, south) = (managed.nodes[0], managed.nodes[1])
            try await north.untilHealth { $0["events"].string == "polling" }
            try await south.untilHealth { $0["events"].string == "live" }
            let staff = try await managed.make(group: "staff")
            for user in ["alice", "bob"] { try await managed.make(user: user, groups: [staff]) }
            let knoc = try await managed.make(knoc: "service", groups: [staff], backend: SingleNode.guarding(9000))
            let here = try ManagedDatabase.client(of: north)
            let there = try ManagedDatabase.client(of: south)
            #expect(try await here.signIn("bob", Site.password).status == 200)
            await there.use(token: await here.token)
            #expect(try await there.expect(200, "GET", "/api/v1/me")["user"]["username"].string == "bob")
            // Granted by one node, through the pooler, and revoked by the other; no agent is there to open anything.
            let live = "select count(*) from knocknoc.grants where state = 'live';"
            try await here.change("POST", knoc, wait: 0)
            #expect(try await managed.database.sql(live, database: "knocknoc") == "1\n")
            try await there.change("DELETE", knoc, wait: 0)
            #expect(try await managed.database.sql(live, database: "knocknoc") == "0\n")
            try await there.expect(204, "POST", "/api/v1/logout")
            #expect(try await here.get("/api/v1/me").status == 401)

            let browser = try ManagedDatabase.client(of: south)
            #expect(try await browser.signInOnPage("alice", Site.password).status == 303)
            let cookie = try #require(await browser.cookies()["__Host-knocknoc"])
            for node in managed.nodes { try await expectSession(cookie, at: node) }
            return cookie
        }

        private func expectSession(_ cookie: String, at node: Machine) async throws {
            let anybody = try ManagedDatabase.client(of: node)
            let answer = try await anybody.send("GET", "/api/v1/me", headers: [("Cookie", "__Host-knocknoc=\(cookie)")])
            #expect(answer.status == 200, "\(node.name): \(answer)")
        }

        /// One node is told before the database, the other after it.
        private func passwordChange(_ managed: ManagedDatabase, _ cookie: String) async throws {
            let (database, north, south) = (managed.database, managed.nodes[0], managed.nodes[1])
            var processes: [String] = []
            for node in managed.nodes { processes.append(try await node.server()) }
            let login = ManagedLogin(host: database.name, password: "second-Passw0rd")
            // Through the pooler from now on, too.
            try await south.configure(["DatabaseURL": login.pooled])
            try await south.untilLogged("DatabaseURL is tried again until it works")
            for node in managed.nodes { try await expectSession(cookie, at: node) }

            try await database.changePassword(to: login.password)
            try await south.untilLogged("the database is reached by a new DatabaseURL")
            try await expectSession(cookie, at: south)
            try await database.endSessions()
            try await north.untilHealth { $0["status"].string != "ok" }
            try await north.configure(["DatabaseURL": login.pooled, "ListenURL": login.direct])
            try await north.untilHealth { $0["status"].string == "ok" && $0["events"].string == "live" }
            try await south.untilHealth { $0["status"].string == "ok" && $0["events"].string == "polling" }
            for (node, process) in zip(managed.nodes, processes) {
                try await expectSession(cookie, at: node)
                #expect(try await node.server() == process, "\(node.name) was restarted")
                let journal = try await node.run(["journalctl", "-q", "-u", "knocknoc.service"]).text
                #expect(!journal.contains(login.password), "\(node.name) logs the password")
            }
        }
    }
}
