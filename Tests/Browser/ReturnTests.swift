import Lab
import Testing

extension BrowserTests {
    @Test(
        "refused at a protected site she signs in, grants, and is back at the page that she wanted",
        .timeLimit(.minutes(3)), arguments: [true, false])
    func comesBack(javaScript: Bool) async throws {
        try await Site.run(.allInOne, environment: Site.allowsReverseProxies) { site in
            let proxy = try ReverseProxy(on: site.gateway)
            let knoc = try await site.gate(by: proxy)
            let address = site.gateway.ipv4
            let browser = try await Browser(
                on: site.alice, javaScript: javaScript, names: ["knocknoc.test": address, "app.test": address])
            do {
                try await browser.open("http://app.test:8080/wiki?page=1")
                try await browser.type("alice", into: "input[name=username]")
                try await browser.type(Site.password, into: "input[name=password]")
                try await browser.click("main button[type=submit], form button[type=submit]")
                try await browser.wait("main .notice") {
                    $0.contains("You come from http://app.test:8080, which wiki opens")
                }
                try await browser.click("[data-knoc=\"\(knoc)\"] form[action$=grant] button")
                try await browser.wait("body") { $0.contains("\"path\": \"/wiki?page=1\"") }
                #expect(try await browser.url() == "http://app.test:8080/wiki?page=1")
            } catch {
                let log = await proxy.log()
                await browser.close()
                await proxy.remove()
                throw LabError("\(error)\n--- HAProxy\n\(log)")
            }
            await browser.close()
            await proxy.remove()
        }
    }
}
