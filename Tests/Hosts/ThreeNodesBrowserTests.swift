import Lab
import Testing

extension WholeHosts {
    @Suite(
        "a browser at three nodes",
        .enabled(if: Browser.obstacle.isEmpty, Comment(rawValue: Browser.obstacle)))
    struct ThreeNodesBrowserTests {
        @Test(
            "it keeps its node by the cookie; the node is killed, and the same session and page go on at another",
            .timeLimit(limit))
        func killed() async throws {
            try await RackTrait.with { hosted in
                let site = try await hosted.threeNodes()
                let home = try await hosted.rack.visitor("carol", 4)
                let group = try await site.make(group: "carol's")
                try await site.make(user: "carol", groups: [group])
                let knoc = try await site.make(
                    knoc: "notes", groups: [group], backend: SingleNode.guarding(9200), seconds: 3600)
                try await site.untilTargetsApplied("notes", within: 60)
                let service = try await Probe.service(on: site.gate.host, port: 9200)
                let watch = try Probe.watch(from: home, to: site.gate.ipv4, port: 9200)
                let browser = try await Browser(
                    on: home, javaScript: true, names: [ThreeNodes.name: site.balancer.ipv4])
                do { try await browse(browser, knoc, home, site, watch) } catch {
                    let page = (try? await browser.source()) ?? ""
                    await browser.close()
                    for probe in [watch, service] { await probe.stop() }
                    throw LabError("\(error)\n\(watch.changes)\n\(page.prefix(2000))")
                }
                await browser.close()
                for probe in [watch, service] { await probe.stop() }
            }
        }

        private func browse(
            _ browser: Browser, _ knoc: String, _ home: Host, _ site: ThreeNodes, _ watch: Probe
        ) async throws {
            let (portal, card) = ("https://\(ThreeNodes.name)/", "[data-knoc=\"\(knoc)\"]")
            // Its server would be back within a second of being killed: the database's host goes on.
            try await site.balancer.run(["knocker", "haproxy", "--drain", site.nodes[0].name])
            try await browser.open(portal)
            try await browser.type("carol", into: "input[name=username]")
            try await browser.type(Site.password, into: "input[name=password]")
            try await browser.click("main button[type=submit], form button[type=submit]")
            try await browser.wait(card + " .state", within: 60) { $0.lowercased() == "closed" }
            let first = try #require(try await browser.cookie(Machine.cookie))
            #expect(first != site.nodes[0].name)
            try await site.balancer.run(["knocker", "haproxy", "--ready", site.nodes[0].name])
            let session = try #require(try await browser.cookie("__Host-knocknoc"))
            for _ in 1...5 {
                try await browser.open(portal)
                #expect(try await browser.cookie(Machine.cookie) == first)
            }
            try await browser.wait(card + " .state", within: 60) { $0.lowercased() == "closed" }
            try await browser.mark()
            try await browser.click("\(card) form[action$=grant] button")
            try await browser.wait(card + " .state", within: 60) { $0.lowercased() == "open" }
            let opened = try await watch.until(open: true, within: .seconds(60))
            let grant = try await grants(of: "carol", at: site)
            #expect(grant.split(separator: "\n").count == 1, "\(grant)")

            let node = try #require(site.nodes.first { $0.name == first })
            try await site.kill(node)
            // The page that is open goes on: its click is taken by another node, and what that says is shown.
            try await browser.wait(card + " .state", within: 60) { $0.lowercased() == "open" }
            let members = try await site.gate.members(port: 9200)
            #expect(Array(members.keys) == [home.ipv4])
            #expect(try await grants(of: "carol", at: site) == grant)
            let click = Clock.now
            try await browser.click("\(card) form[action$=revoke] button")
            try await browser.wait(card + " .state", within: 60) { $0.lowercased() == "closed" }
            try await watch.until(open: false, within: .seconds(60))
            let closings = closings(watch.changes).filter { $0 > opened.begun && $0 < click }
            #expect(closings.isEmpty, "it was closed before anybody closed it: \(watch.changes)")
            #expect(try await grants(of: "carol", at: site).isEmpty)
            #expect(try await browser.isMarked(), "the page was loaded again")
            #expect(try await browser.cookie("__Host-knocknoc") == session)
            try await browser.open(portal)
            try await browser.wait(card + " .state", within: 60) { $0.lowercased() == "closed" }
            let second = try #require(try await browser.cookie(Machine.cookie))
            #expect(second != first && site.nodes.map(\.name).contains(second))
            try await node.boot()
            try await node.untilHealthy(within: 60)
        }

        /// What is granted to somebody, as the database has it.
        private func grants(of user: String, at site: ThreeNodes) async throws -> String {
            try await site.nodes[0].sql(
                """
                select g.id, g.created_at, g.expires_at from knocknoc.grants g join knocknoc.users u on u.id = g.user_id
                where u.name = '\(user)' and g.state = 'live';
                """, database: "knocknoc")
        }

        /// When the port was closed; not where one handshake was late, on a computer that is killing a host.
        private func closings(_ changes: [Probe.Change]) -> [Double] {
            changes.indices.filter { index in
                let end = index + 1 < changes.count ? changes[index + 1].begun : Clock.now
                return !changes[index].open && end - changes[index].begun > 0.5
            }.map { changes[$0].begun }
        }
    }
}
