import Lab
import Testing

extension WholeHosts {
    /// The password that the further nodes share is changed under them, by two logins that overlap.
    @Suite("another password for three nodes") struct ThreeNodesTwoLoginsTests {
        @Test(
            "the nodes are told a second login one by one and the first is dropped: no restart, nobody is signed out",
            .timeLimit(limit))
        func rotated() async throws {
            try await RackTrait.with { hosted in
                let site = try await hosted.threeNodes()
                let (first, others) = (site.nodes[0], site.nodes.dropFirst())
                try await site.make(user: "dora", groups: [])
                let browser = try client(site)
                #expect(try await browser.signInOnPage("dora", Site.password).status == 303)
                let session = try #require(await browser.cookies()["__Host-knocknoc"])
                var processes: [String] = []
                for node in site.nodes { processes.append(try await node.server()) }
                let old = try await logins(first)
                #expect(old.count == 1, "\(old)")

                let rotate = ["knocker", "exposedb", "--rotate-password", "--advertise", first.name]
                let said = try await first.run(rotate).text
                let url = try #require(
                    said.split(separator: "\n").first { $0.hasPrefix("postgres://") }.map(String.init))
                let mark = try #require(url.firstRange(of: "&knocknoc_key="))
                #expect(said.contains("without &knocknoc_key=…"), "\(said)")
                let both = try await logins(first)
                #expect(both.count == 2 && both.isSuperset(of: old), "\(both)")
                for node in others {
                    // Too early: it is said who still has the old one, and nothing is changed.
                    let early = try await first.attempt(rotate)
                    #expect(early.status == 1 && early.errors.contains("from \(node.ipv4)"), "\(early)")
                    // The key, which each node has, may come along.
                    let kept = node.name == site.nodes[1].name ? url : String(url.prefix(upTo: mark.lowerBound))
                    try await node.configure(["DatabaseURL": kept])
                    try await untilGone(from: first, node, as: old)
                    for node in site.nodes { try await expect(session, at: node, of: site) }
                }
                #expect(try await logins(first) == both)
                let dropped = try await first.run(rotate).text
                #expect(dropped.contains("The rotation is finished"), "\(dropped)")
                #expect(try await logins(first) == both.subtracting(old))

                let password = try #require(url.split(separator: ":").dropFirst(2).first?.split(separator: "@").first)
                for (node, process) in zip(site.nodes, processes) {
                    try await node.untilHealth { $0["status"].string == "ok" && $0["events"].string == "live" }
                    #expect(try await node.server() == process, "\(node.name) was restarted")
                    try await expect(session, at: node, of: site)
                    // It writes by the new login, too.
                    let answer = try await client(site).send(
                        "POST", "/api/v1/login", headers: [("Cookie", "\(Machine.cookie)=\(node.name)")],
                        body: JSON.object(["username": "dora", "password": .string(Site.password)]).description)
                    #expect(answer.status == 200, "\(node.name): \(answer)")
                    let journal = try await node.run(["journalctl", "-q", "-u", "knocknoc.service"]).text
                    #expect(!journal.contains(password), "\(node.name) logs the password")
                }
                try await site.untilAgentIsOnline(within: 60)
            }
        }

        private func client(_ site: ThreeNodes) throws -> WebClient {
            try WebClient(on: site.office, base: "https://\(ThreeNodes.name):443", address: site.balancer.ipv4)
        }

        /// The node that the cookie names knows the session.
        private func expect(_ session: String, at node: Machine, of site: ThreeNodes) async throws {
            let cookies = "__Host-knocknoc=\(session); \(Machine.cookie)=\(node.name)"
            let answer = try await client(site).send("GET", "/api/v1/me", headers: [("Cookie", cookies)])
            #expect(answer.status == 200, "\(node.name): \(answer)")
        }

        /// What the nodes on other machines may sign in as.
        private func logins(_ database: Machine) async throws -> Set<String> {
            let names = try await database.sql(
                "select rolname from pg_roles where rolcanlogin and pg_has_role(oid, 'knocknoc_owner', 'member') and not rolsuper;"
            )
            return Set(names.split(separator: "\n").map(String.init)).subtracting(["knocknoc"])
        }

        /// Waits until a node has no session left of these logins.
        private func untilGone(from database: Machine, _ node: Machine, as logins: Set<String>) async throws {
            let names = logins.map { "'\($0)'" }.joined(separator: ", ")
            let end = Clock.now + 90
            var left = ""
            repeat {
                left = try await database.sql(
                    "select count(*) from pg_stat_activity where client_addr = '\(node.ipv4)' and usename in (\(names));"
                )
                if left == "0\n" { return }
            } while Clock.now < end
            throw LabError("\(node.name) still has \(left) sessions of \(names)")
        }
    }
}
