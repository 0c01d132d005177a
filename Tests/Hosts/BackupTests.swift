import Lab
import Testing

extension WholeHosts {
    /// The commands of docs/backup.md, as they stand there.
    @Suite("backup notes") struct BackupTests {
        @Test(
            "what was there at the backup is back, what came after is not, and whoever had signed out since stays out",
            .timeLimit(limit))
        func postgres() async throws {
            try await RackTrait.with { site in
                let site = try await site.singleNode()
                let page = try Page("backup.md")
                let knoc = try await site.protect(early: "kept", port: 9002, seconds: 600)
                let browser = try site.browser(on: site.alice)
                #expect(try await browser.signIn("alice", Site.password).status == 200)
                try await site.web.shell(page.blocks("sh backup").joined())
                #expect(try await site.web.run(["stat", "-c", "%a", "/var/backups/knocknoc.dump"]).text == "600\n")

                #expect(try await browser.change("POST", knoc)["state"].string == "open")
                try await site.make(user: "later", groups: [])
                #expect(try await browser.send("POST", "/api/v1/logout", .null).status == 204)

                try await site.web.shell(page.blocks("sh restore").joined())
                try await site.web.untilHealthy()
                #expect(try await site.admin.signIn("root", Site.adminPassword, admin: true).status == 200)
                try await site.untilAgentIsOnline()
                // The backup has it as a session that lives.
                #expect(try await browser.get("/api/v1/me").status == 401)
                let names = try await site.admin.expect(200, "GET", "/api/v1/admin/users")["items"].items
                    .compactMap { $0["username"].string }
                #expect(names.contains("alice") && !names.contains("later"), "\(names)")
                #expect(try await site.gate.members(port: 9002).isEmpty)
                // What was restored belongs to whom it did: it can be changed, and the agent goes on.
                #expect(try await browser.signIn("alice", Site.password).status == 200)
                #expect(try await browser.change("POST", knoc)["state"].string == "open")
                #expect(try await browser.change("DELETE", knoc)["state"].string == "closed")
                try await site.web.shell(page.blocks("sh restored").joined())
            }
        }
    }
}
