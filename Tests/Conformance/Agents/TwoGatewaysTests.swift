import Foundation
import Glibc
import KnocknocMoments
import Lab
import Testing

extension WholeSystem {
    @Suite("two gateways of one Knoc") struct TwoGatewaysTests {
        /// When the portal says open.
        enum Policy: String, CaseIterable { case all, one }

        @Test(
            "one agent is killed during a grant: access through the other never breaks, and the one that returns catches up",
            .timeLimit(limit), arguments: Policy.allCases)
        func killed(policy: Policy) async throws {
            try await Site.run(.twoNodes) { site in
                let other = try await site.another("h", 5)
                let moments = site.folder.path + "/moments"
                try FileManager.default.createDirectory(atPath: moments, withIntermediateDirectories: true)
                let second = try await site.anotherAgent(
                    "second", on: other, environment: ["TEST_KNOCKNOC_MOMENTS": moments])
                try await site.untilOnline(agent: second.id)
                let group = try await site.make(group: "staff")
                try await site.make(user: "alice", groups: [group])
                let backend = try await site.backend(.guard, port: 9000)
                let made = try await site.admin.expect(
                    201, "POST", "/api/v1/admin/knocs",
                    [
                        "name": "service", "group_ids": [.string(group)], "grant_on": "click", "duration_seconds": 600,
                        "open_when": .string(policy.rawValue),
                        "enforcement": [
                            ["agent_id": .string(site.agentID), "backend": backend],
                            ["agent_id": .string(second.id), "backend": backend],
                        ],
                    ])
                let knoc = try #require(made["id"].string)
                try await site.untilTargetsApplied("service")
                var services: [Probe] = []
                for host in [site.gateway, other] { services.append(try await Probe.service(on: host, port: 9000)) }
                let client = try site.server.client(on: site.alice)
                try await client.signIn("alice", Site.password)

                func parts() async throws -> [String: String] {
                    let grants = try await site.admin.expect(200, "GET", "/api/v1/admin/grants")["items"].items
                    let parts = grants.first?["agents"].items ?? []
                    return Dictionary(
                        uniqueKeysWithValues: parts.map {
                            ($0["agent_name"].string ?? "", $0["state"].string ?? "")
                        })
                }
                // The page of grants, as somebody at a browser has it.
                let browser = try site.server.client(on: site.mallory)
                _ = try await browser.signInOnPage("root", Site.adminPassword, page: "/admin/login")
                func page() async throws -> String { try await browser.send("GET", "/admin/grants").text }

                // It dies with the frame in its hands, before its kernel has heard of it.
                let moment = moments + "/" + Moment.beforeKernel.rawValue
                try Data().write(to: URL(fileURLWithPath: moment))
                let told = Task { try await client.change("POST", knoc, wait: 1000)["state"].string }
                try await Lab.until("the second agent stands before its kernel") {
                    FileManager.default.fileExists(atPath: moment + ".reached")
                }
                await second.process.stop(SIGKILL)
                #expect(try await told.value == (policy == .all ? "pending" : "open"))
                let alice = try Probe.watch(from: site.alice, to: site.gateway.ipv4, port: 9000)
                let mallory = try Probe.watch(from: site.mallory, to: other.ipv4, port: 9000)
                try await alice.until(open: true)
                try await mallory.until(open: false)
                #expect(try await Probe.isOpen(from: site.alice, to: other.ipv4, port: 9000) == false)
                try await Lab.until("the first has confirmed, the second not") {
                    try await client.knoc("service")["state"].string == (policy == .all ? "pending" : "open")
                }
                #expect(try await parts() == ["gateway": "open", "second": "pending"])
                #expect(try await page().contains("1 of 2"))

                try await second.process.start()
                try await Lab.until("it is open everywhere") {
                    try await client.knoc("service")["state"].string == "open"
                }
                try await Lab.until("the second lets Alice in") {
                    try await Probe.isOpen(from: site.alice, to: other.ipv4, port: 9000)
                }
                try await Lab.until("both have confirmed") {
                    try await parts() == ["gateway": "open", "second": "open"]
                }
                #expect(try await page().contains("2 of 2"))

                // And the other way round: what is revoked without it ends when it is back.
                await second.process.stop(SIGKILL)
                let revoked = try await client.change("DELETE", knoc, wait: 1000)
                #expect(revoked["state"].string == "closing", "\(revoked)")
                #expect(try await parts() == ["gateway": "closed", "second": "closing"])
                try await alice.until(open: false)
                #expect(alice.changes.count == 2, "Alice was cut: \(alice.changes)")
                try await second.process.start()
                try await Lab.until("it is closed everywhere") {
                    try await client.knoc("service")["state"].string == "closed"
                }
                #expect(try await Probe.isOpen(from: site.alice, to: other.ipv4, port: 9000) == false)
                #expect(mallory.changes.allSatisfy { !$0.open }, "it was open to Mallory")
                for probe in services + [alice, mallory] { await probe.stop() }
            }
        }
    }
}
