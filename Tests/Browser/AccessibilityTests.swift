import Lab
import Testing

extension BrowserTests {
    @Test("every page can be read, reached by keyboard and heard, in light and in dark", .timeLimit(.minutes(5)))
    func accessibility() async throws {
        try await Site.run(.allInOne) { site in
            let group = try await site.make(group: "staff")
            let user = try await site.make(user: "alice", groups: [group])
            let knoc = try await site.make(
                knoc: "Build server", groups: [group], backend: try await site.backend(.guard, port: 9000),
                on: "sign_in")
            try await site.make(
                knoc: "Nowhere", groups: [group],
                backend: ["type": "nftables", "set": ["family": "inet", "table": "nowhere", "ipv4": "absent"]],
                on: "sign_in")
            try await site.make(knoc: "Rehearsal", groups: [group], backend: ["type": "dry-run"])
            try await site.untilTargetsApplied("Build server")
            let browser = try await Browser(
                on: site.alice, javaScript: true, names: ["knocknoc.test": site.gateway.ipv4])
            do {
                try await check(["/login", "/admin/login", "/admin/setup", "/nothing"], browser, site)
                try await signIn("alice", Site.password, at: "/login", browser, site)
                try await browser.wait("[data-knoc=\"\(knoc)\"] .state") { $0.lowercased() == "open" }
                try await check(["/"], browser, site)
                try await signIn("root", Site.adminPassword, at: "/admin/login", browser, site)
                let lists = ["knocs", "groups", "users", "agents", "grants", "sessions", "audit", "admins"]
                let forms = ["knocs", "groups", "users", "agents", "admins"].map { "\($0)/new" }
                let records = ["knocs/\(knoc)", "groups/\(group)", "users/\(user)", "agents/\(site.agentID)"]
                try await check(
                    ["/admin"] + (lists + forms + records + records.map { $0 + "/delete" }).map { "/admin/" + $0 },
                    browser, site)
            } catch {
                await browser.close()
                throw error
            }
            await browser.close()
        }
    }

    private func check(_ paths: [String], _ browser: Browser, _ site: Site) async throws {
        for path in paths {
            try await browser.open(site.server.base + path)
            for dark in [false, true] {
                try await browser.prefer(dark: dark)
                let found = try await browser.run(AccessibilityCheck.script).items.compactMap(\.string)
                #expect(found.isEmpty, "\(path), \(dark ? "dark" : "light"): \(found.joined(separator: "; "))")
            }
        }
    }

    private func signIn(
        _ name: String, _ password: String, at path: String, _ browser: Browser, _ site: Site
    ) async throws {
        try await browser.open(site.server.base + path)
        try await browser.type(name, into: "input[name=username]")
        try await browser.type(password, into: "input[name=password]")
        try await browser.click("main button[type=submit], form button[type=submit]")
        try await browser.wait("h1") { $0 != "Sign in" && $0 != "Administrator sign-in" && !$0.isEmpty }
    }
}
