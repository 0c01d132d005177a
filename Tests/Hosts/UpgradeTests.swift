import Lab
import Testing

extension WholeHosts {
    /// A release and the one after it, side by side on one database, by the commands of docs/upgrade.md.
    @Suite("a rolling upgrade") struct UpgradeTests {
        private static let next = FollowingRelease.version
        private static let schema = FollowingRelease.schema
        /// What only an administrator who is signed in gets.
        private static let page = "/api/v1/admin/agents"

        @Test(
            "nodes and agent go to the next release, back, and there again, while 200 people work: no sign-in fails, no grant is lost",
            .timeLimit(limit))
        func rolling() async throws {
            try await RackTrait.with { hosted in
                let site = try await hosted.threeNodes()
                let crew = try await hosted.crew()
                let page = try UpgradePage()
                for node in site.nodes { try await node.fetch("knocknoc") }
                try await site.gate.fetch("knocknoc-agent")
                let started = try await crew.now(at: site)
                let load = try await site.work(crew.people, rate: 100, signIns: 0.03)
                let report: LoadReport
                do {
                    let begun = Clock.now
                    try await upgrade(site, load, page)
                    report = try await load.finish()
                    Lab.measured("upgrade: \(Int(Clock.now - begun)) s; \(report)")
                } catch {
                    await load.stop()
                    throw error
                }
                #expect(report.signIns > 50)
                #expect(report.failures.isEmpty, "\(report.failures.map(\.description).joined())")
                #expect(report.signedOut.isEmpty)
                try await crew.check(report.ledger, at: site, since: started)
                try await contract(site, page)
                try await restore(site, page)
            }
        }

        private func upgrade(_ site: ThreeNodes, _ load: Load, _ page: UpgradePage) async throws {
            let database = site.nodes[0]
            try await database.type(page.backup)
            // The node that has the agent's link first, so that the link has to move.
            let linked = try await site.agentRecord()["node"].string
            let nodes = site.nodes.filter { $0.name == linked } + site.nodes.filter { $0.name != linked }
            let now = try await database.cluster()
            #expect(Set(now.keys) == Set(nodes.map(\.name)) && Set(now.values).count == 1, "\(now)")

            let told = try await goodbyes(site)
            try await nodes[0].replaced { try await nodes[0].type(page.server) }
            try await site.untilAgentIsOnline(within: 60)
            let moved = try await goodbyes(site)
            #expect(moved > told, "the node with the agent's link did not send it away")
            // The new node has migrated; the old ones go on with what it made.
            for node in nodes {
                let health = try await node.health()
                #expect(health["status"].string == "ok" && health["schema"].int == Self.schema.additive, "\(health)")
            }
            let shown = try await nodes[0].type(page.look).split(separator: "\n").filter { $0.contains(nodes[0].name) }
            #expect(shown.contains { $0.contains(" up") && $0.contains(Self.next) }, "\(shown)")
            #expect(shown.contains { $0.contains("\"status\":\"ok\"") }, "\(shown)")
            var mixed = try await database.cluster()
            #expect(mixed.removeValue(forKey: nodes[0].name) == Self.next && Set(mixed.values) == Set(now.values))
            try await load.more(200)

            // Back again, on the newer schema; then a newer agent at older nodes.
            try await nodes[0].replaced { try await nodes[0].type(page.serverBack, input: "y\n") }
            #expect(try await database.cluster() == now)
            try await site.gate.type(page.agent)
            try await agent(site, is: Self.next)
            try await load.more(200)

            try await nodes[0].replaced { try await nodes[0].type(page.server) }
            try await nodes[1].replaced { try await nodes[1].type(page.server) }
            let early = try await nodes[0].attempt(["knocknoc", "migrate", "--finish"])
            #expect(early.status != 0 && early.errors.contains(nodes[2].name), "\(early)")
            // An older agent at newer nodes.
            try await site.gate.type(page.agentBack, input: "y\n")
            try await nodes[2].replaced { try await nodes[2].type(page.server) }
            #expect(Set(try await database.cluster().values) == [Self.next])
            try await agent(site, is: now.values.first ?? "")
            try await load.more(200)
            try await site.gate.type(page.agent)
            try await agent(site, is: Self.next)
            // Both ends speak a further protocol now, and use it.
            var spoken = ""
            for node in nodes { spoken += try await links(of: node) }
            #expect(spoken.contains("protocol=2") && spoken.contains("protocol=1"), "\(spoken)")
            for line in spoken.split(separator: "\n") where line.contains("protocol=2") {
                #expect(line.contains("version=\(Self.next)"), "\(line)")
            }
            try await load.more(200)
        }

        /// What older releases used goes, and one of those does not start any more.
        private func contract(_ site: ThreeNodes, _ page: UpgradePage) async throws {
            let node = site.nodes[0]
            let said = try await node.type(page.finish)
            #expect(said.contains("schema version \(Self.schema.contracted)"), "\(said)")
            for node in site.nodes {
                let health = try await node.health()
                #expect(health["status"].string == "ok" && health["schema"].int == Self.schema.contracted, "\(health)")
            }
            // The same release has nothing else to write there.
            try await site.balancer.type(page.balancer)
            guard let older = Packages.file("knocknoc") else { throw LabError(Packages.obstacle) }
            let refused = try await node.attempt([
                "bash", "-c",
                """
                dpkg-deb -x "/run/knocknoc-packages/$0" /var/tmp/older
                exec runuser -u knocknoc -- /var/tmp/older/opt/knocknoc/bin/knocknoc serve --listen 127.0.0.1:9756
                """, older,
            ])
            let reason =
                "needs release \(Self.schema.additive) or newer; this is release \(Self.schema.before): upgrade this node"
            #expect(refused.status == 78 && refused.errors.contains(reason), "\(refused)")
        }

        /// The way back that is left then.
        private func restore(_ site: ThreeNodes, _ page: UpgradePage) async throws {
            let begun = Clock.now
            let versions = Set(try await site.nodes[0].cluster().values)
            #expect(try await site.admin.get(Self.page).status == 200)
            try await site.nodes.type(page.stop)
            try await site.nodes.type(page.serverBack, input: "y\n")
            for node in site.nodes {
                try await node.untilLogged("needs release \(Self.schema.additive) or newer")
            }
            try await site.nodes[0].type(page.restore)
            try await Array(site.nodes.dropFirst()).type(page.start)
            for node in site.nodes {
                try await node.untilHealthy(within: 90)
                let health = try await node.health()
                #expect(health["schema"].int == Self.schema.before, "\(health)")
            }
            #expect(Set(try await site.nodes[0].cluster().values).isDisjoint(with: versions))
            // The backup has it as a session that lives.
            let end = Clock.now + 60
            var old = try await site.admin.get(Self.page)
            // HAProxy has yet to see that the nodes are back.
            while old.status == 503, Clock.now < end { old = try await site.admin.get(Self.page) }
            #expect(old.status == 401, "\(old)")
            #expect(try await site.admin.signIn("root", Site.adminPassword, admin: true).status == 200)
            try await site.untilAgentIsOnline(within: 60)
            Lab.measured("upgrade: back after --finish in \(Int(Clock.now - begun)) s")
        }

        private func agent(_ site: ThreeNodes, is version: String) async throws {
            let end = Clock.now + 60
            var seen = try await site.agentRecord()
            while !["online", "outdated"].contains(seen["status"].string) || seen["software"].string != version {
                guard Clock.now < end else { throw LabError("the agent is not online as \(version): \(seen)") }
                seen = try await site.agentRecord()
            }
        }

        /// How many times the agent was told to go elsewhere (RFC 6455 §7.4.1).
        private func goodbyes(_ site: ThreeNodes) async throws -> Int {
            let log = try await site.gate.shell(
                "journalctl --sync; journalctl -q -o cat -u knocknoc-agent.service | grep -c 'closed the link (1001)' || true"
            )
            return Int(log.split(whereSeparator: \.isNewline).first ?? "") ?? 0
        }

        private func links(of node: Machine) async throws -> String {
            try await node.shell("journalctl -q -o cat -u knocknoc.service | grep 'An agent is linked' || true")
        }
    }
}

/// What docs/upgrade.md, and docs/backup.md for it, have typed.
private struct UpgradePage {
    let backup, restore: String
    let server, look, agent, balancer, finish, serverBack, agentBack, stop, start: String

    init() throws {
        var page = try Walkthrough("upgrade.md", purpose: "upgrade", addresses: ("192.0.2.", "10.77.0."))
        server = try page.next(on: "web")
        look = try page.next(on: "web")
        agent = try page.next(on: "agent")
        balancer = try page.next(on: "balancer")
        finish = try page.next(on: "web")
        serverBack = try page.next(on: "web")
        agentBack = try page.next(on: "agent")
        stop = try page.next(on: "web")
        start = try page.next(on: "web")
        guard page.isDone else { throw LabError("docs/upgrade.md has more commands than are typed here") }
        let notes = try Page("backup.md")
        backup = try notes.blocks("sh backup").joined()
        restore = try notes.blocks("sh restore").joined()
    }
}

extension Machine {
    /// Puts both releases of a package where its administrator has them, by the names that the page has.
    fileprivate func fetch(_ package: String) async throws {
        guard let newer = try await FollowingRelease.packages()[package], let older = Packages.file(package) else {
            throw LabError(Packages.obstacle)
        }
        try await shell(
            """
            cd
            ln -sf "$NEWER" "${PACKAGE}_0.2.0_amd64.deb"
            ln -sf "/run/knocknoc-packages/$OLDER" "${PACKAGE}_0.1.0_amd64.deb"
            """, environment: ["PACKAGE": package, "NEWER": newer, "OLDER": older])
    }
}
