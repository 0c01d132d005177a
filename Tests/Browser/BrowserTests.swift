import Lab
import Testing

/// A real browser on Alice's host signs in, sees the card change, and revokes.
@Suite(
    "in a browser", .serialized,
    .enabled(if: Browser.obstacle.isEmpty, Comment(rawValue: Browser.obstacle)))
struct BrowserTests {
    @Test(
        "she signs in, sees the card turn open, revokes, and sees it closed", .timeLimit(.minutes(3)),
        arguments: [true, false])
    func signIn(javaScript: Bool) async throws {
        // Once over TLS with a prefixed cookie, once over the plain HTTP of a trial.
        try await Site.run(javaScript ? .twoNodes : .allInOne) { site in
            let service = try await Probe.service(on: site.gateway, port: 9000)
            let group = try await site.make(group: "staff")
            try await site.make(user: "alice", groups: [group])
            let knoc = try await site.make(
                knoc: "Build server", groups: [group], backend: try await site.backend(.guard, port: 9000))
            for (index, name) in ["Database", "Git", "Staging site"].enumerated() where Lab.pictures != nil {
                try await site.make(
                    knoc: name, groups: [group], backend: try await site.backend(.guard, port: 9001 + index),
                    on: name == "Git" ? "sign_in" : "click", seconds: 8 * 3600)
            }
            try await site.untilTargetsApplied("Build server")
            let browser = try await Browser(
                on: site.alice, javaScript: javaScript, names: ["knocknoc.test": site.server.host.ipv4])
            do {
                try await browser.open(site.server.base + "/")
                try await browser.type("alice", into: "input[name=username]")
                try await browser.type(Site.password, into: "input[name=password]")
                try await browser.click("main button[type=submit], form button[type=submit]")
                let card = "[data-knoc=\"\(knoc)\"]"
                try await browser.wait(card) { $0.contains("Build server") }
                try await browser.wait(card + " .state") { $0.lowercased() == "closed" }
                if javaScript { try await browser.mark() }

                try await browser.click("\(card) form[action$=grant] button")
                try await browser.wait(card + " .state", reloading: !javaScript) { $0.lowercased() == "open" }
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000))
                if javaScript { #expect(try await browser.isMarked(), "the page was loaded again") }
                if javaScript, let folder = Lab.pictures { try await browser.screenshot(folder + "/portal.png") }
                // Only a script counts what is left: so it is known whether one runs.
                #expect(try await browser.text(card + " [data-left]").contains("left") == javaScript)

                try await browser.click("\(card) form[action$=revoke] button")
                try await browser.wait(card + " .state", reloading: !javaScript) { $0.lowercased() == "closed" }
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000) == false)
                if javaScript { #expect(try await browser.isMarked(), "the page was loaded again") }
            } catch {
                await browser.close()
                throw error
            }
            await browser.close()
            await service.stop()
        }
    }

    @Test("with JavaScript the card follows what happens elsewhere, without a reload", .timeLimit(.minutes(3)))
    func live() async throws {
        try await Site.run(.allInOne) { site in
            let group = try await site.make(group: "staff")
            try await site.make(user: "alice", groups: [group])
            let knoc = try await site.make(
                knoc: "Build server", groups: [group], backend: try await site.backend(.guard, port: 9000),
                on: "sign_in")
            try await site.untilTargetsApplied("Build server")
            let browser = try await Browser(
                on: site.alice, javaScript: true, names: ["knocknoc.test": site.gateway.ipv4])
            do {
                try await browser.open(site.server.base + "/login")
                try await browser.type("alice", into: "input[name=username]")
                try await browser.type(Site.password, into: "input[name=password]")
                try await browser.click("main button[type=submit], form button[type=submit]")
                let card = "[data-knoc=\"\(knoc)\"]"
                try await browser.wait(card + " .state") { $0.lowercased() == "open" }
                try await browser.mark()
                try await site.admin.expect(204, "DELETE", "/api/v1/admin/knocs/\(knoc)")
                // What was taken away goes, what is given comes, and nobody loads the page again.
                try await browser.wait(".empty h2") { $0.contains("Nothing is shared") }
                #expect(try await browser.text(card).isEmpty)
                let wiki = try await site.make(
                    knoc: "Wiki", groups: [group], backend: try await site.backend(.guard, port: 9001))
                try await browser.wait("[data-knoc=\"\(wiki)\"] h2") { $0 == "Wiki" }
                #expect(try await browser.text(".empty h2").isEmpty)
                try await site.untilTargetsApplied("Wiki")
                try await browser.click("[data-knoc=\"\(wiki)\"] form[action$=grant] button")
                try await browser.wait("[data-knoc=\"\(wiki)\"] .state") { $0.lowercased() == "open" }
                // An hour was granted: never more is left.
                let left = try await browser.text("[data-knoc=\"\(wiki)\"] [data-left]")
                #expect(left.hasPrefix("1:00:00 ") || left.hasPrefix("59:5"), "\(left)")
                #expect(try await browser.isMarked(), "the page was loaded again")
            } catch {
                await browser.close()
                throw error
            }
            await browser.close()
        }
    }

    @Test(
        "one sign-in opens for both of the browser's addresses, and a new address for what was open",
        .timeLimit(.minutes(4)))
    func addresses() async throws {
        let probes = "http://v4.knocknoc.test:8756,http://v6.knocknoc.test:8756"
        try await Site.run(.allInOne, environment: ["KNOCKNOC_PROBE_URLS": probes]) { site in
            let service = try await Probe.service(on: site.gateway, port: 9000)
            let group = try await site.make(group: "staff")
            try await site.make(user: "alice", groups: [group])
            let knoc = try await site.make(
                knoc: "Build server", groups: [group], backend: try await site.backend(.guard, port: 9000),
                on: "sign_in")
            try await site.untilTargetsApplied("Build server")
            let browser = try await Browser(
                on: site.alice, javaScript: true,
                names: [
                    "knocknoc.test": site.gateway.ipv4, "v4.knocknoc.test": site.gateway.ipv4,
                    "v6.knocknoc.test": "[\(site.gateway.ipv6)]",
                ])
            do {
                try await browser.open(site.server.base + "/login")
                try await browser.type("alice", into: "input[name=username]")
                try await browser.type(Site.password, into: "input[name=password]")
                try await browser.click("main button[type=submit], form button[type=submit]")
                try await browser.wait("#where") { $0.contains(site.alice.ipv4) && $0.contains(site.alice.ipv6) }
                try await browser.mark()
                let card = "[data-knoc=\"\(knoc)\"]"
                try await browser.wait(card + " .state") { $0.lowercased() == "open" }
                try await browser.wait(card + " .knoc-text") { $0.contains(site.alice.ipv6) }
                for address in [site.gateway.ipv4, site.gateway.ipv6] {
                    #expect(try await Probe.isOpen(from: site.alice, to: address, port: 9000), "\(address)")
                    #expect(try await Probe.isOpen(from: site.mallory, to: address, port: 9000) == false)
                }
                // Her network gives her another address; nobody touches the page.
                try await site.alice.run(["ip", "addr", "add", "10.77.0.99/24", "dev", "eth0"])
                try await site.alice.run(["ip", "addr", "del", site.alice.ipv4 + "/24", "dev", "eth0"])
                try await site.alice.run(["ip", "addr", "replace", "10.77.0.99/24", "dev", "eth0"])
                try await browser.wait("#where", within: 90) { $0.contains("10.77.0.99") }
                try await browser.wait(card + " .state") { $0.lowercased() == "open" }
                #expect(try await Probe.isOpen(from: site.alice, to: site.gateway.ipv4, port: 9000))
                #expect(try await browser.isMarked(), "the page was loaded again")
            } catch {
                await browser.close()
                throw error
            }
            await browser.close()
            await service.stop()
        }
    }
}
