import Lab
import Testing

extension WholeSystem {
    @Suite("the whole way through a reverse proxy") struct WholeWayTests {
        /// The page as the browser of a person without JavaScript gets to it: refused, portal, sign-in, grant, and back.
        @Test(
            "refused, signed in, granted, back at the page; signed out, refused again and the open connection cut",
            .timeLimit(limit))
        func whole() async throws {
            try await Site.run(.allInOne, environment: Site.allowsReverseProxies) { site in
                let proxy = try ReverseProxy(on: site.gateway)
                do { try await walk(site, proxy) } catch {
                    let log = await proxy.log()
                    await proxy.remove()
                    throw LabError("\(error)\n--- HAProxy\n\(log)")
                }
                await proxy.remove()
            }
        }

        private func walk(_ site: Site, _ proxy: ReverseProxy) async throws {
            _ = try await site.gate(by: proxy)
            let app = try WebClient(on: site.alice, base: "http://app.test:8080", address: site.gateway.ipv4)
            let portal = try site.server.client(on: site.alice)
            let refused = try await app.page("/wiki?page=1")
            let referrer = try #require(refused.header("location"))
            #expect(refused.status == 302 && referrer.hasPrefix(site.server.base + "/?referrer="), "\(refused)")
            let first = try await portal.page(try path(referrer, of: portal))
            let login = try #require(first.header("location"))
            #expect(first.status == 303 && login.hasPrefix("/login?referrer="), "\(first)")
            let form = try await portal.page(login)
            let fields = ["csrf", "referrer"].compactMap { name in form.input(name).map { (name, $0) } }
            let signedIn = try await portal.submit(
                "/login", fields + [("username", "alice"), ("password", Site.password)])
            let home = try #require(signedIn.header("location"))
            let shown = try await portal.page(home)
            #expect(shown.status == 200 && shown.header("refresh") == nil, "\(shown)")
            #expect(shown.text.contains("You come from"), "\(shown.text)")
            let action = try #require(shown.formAction(containing: "/grant"))
            let granted = try await portal.submit(
                action, ["csrf", "referrer"].compactMap { name in shown.input(name).map { (name, $0) } })
            #expect(granted.status == 303, "\(granted)")
            let back = try await portal.page(try #require(granted.header("location")))
            #expect(back.header("refresh") == "0; url=http://app.test:8080/wiki?page=1", "\(back.headers)")
            let page = try await app.page("/wiki?page=1")
            #expect(page.status == 200 && page.json["path"].string == "/wiki?page=1", "\(page)")
            // Nobody else comes in, and a reload of HAProxy changes nothing.
            let mallory = try WebClient(on: site.mallory, base: "http://app.test:8080", address: site.gateway.ipv4)
            #expect(try await mallory.page("/wiki?page=1").status == 302)
            try await proxy.reload()
            #expect(try await app.page("/wiki?page=1").status == 200)

            let endless = try RawRequests.endless(
                from: site.alice, to: site.gateway.ipv4, port: 8080, host: "app.test:8080")
            _ = try await endless.line { $0 == "tick" }
            let signedOut = try await portal.submit("/logout", [("csrf", back.input("csrf") ?? "")])
            #expect(signedOut.status == 303, "\(signedOut)")
            // The page is refused as soon as the agent has told HAProxy, and nothing comes over what was open any more.
            let end = Clock.now + 60
            while try await app.page("/wiki?page=1").status != 302 {
                guard Clock.now < end else { throw LabError("still let in after the sign-out") }
            }
            while await hears(endless) {
                guard Clock.now < end else { throw LabError("the open connection was not cut") }
            }
            // Signed out of the portal, the way begins anew.
            #expect(try await portal.page(try path(referrer, of: portal)).header("location") == login)
        }

        @Test(
            "of two doors on one port the end of one ends its connections, and the other lets in anew at once",
            .timeLimit(limit))
        func twoDoors() async throws {
            try await Site.run(.allInOne, environment: Site.allowsReverseProxies) { site in
                let proxy = try ReverseProxy(on: site.gateway)
                do { try await endOne(site, proxy) } catch {
                    let log = await proxy.log()
                    await proxy.remove()
                    throw LabError("\(error)\n--- HAProxy\n\(log)")
                }
                await proxy.remove()
            }
        }

        private func endOne(_ site: Site, _ proxy: ReverseProxy) async throws {
            let wiki = try await site.gate(by: proxy)
            let git = try await site.secondGate(by: proxy)
            let portal = try site.server.client(on: site.alice)
            try await portal.signIn("alice", Site.password)
            for knoc in [wiki, git] { #expect(try await portal.change("POST", knoc)["state"].string == "open") }
            func endless(_ name: String) async throws -> LabProcess {
                let stream = try RawRequests.endless(
                    from: site.alice, to: site.gateway.ipv4, port: 8080, host: "\(name).test:8080")
                _ = try await stream.line { $0 == "tick" }
                return stream
            }
            let (page, other) = (try await endless("app"), try await endless("git"))
            #expect(try await portal.change("DELETE", wiki)["state"].string == "closed")
            #expect(await page.exit() == 56, "curl: the connection was reset")
            #expect(try await app(site).page("/").status == 302)
            // Nobody can tell the doors' connections from one another; whoever is let in by the other one goes on.
            #expect(await other.exit() == 56)
            let next = try await endless("git")
            #expect(await hears(next))
            #expect(try await portal.change("DELETE", git)["state"].string == "closed")
            #expect(await next.exit() == 56)
        }

        private func app(_ site: Site) throws -> WebClient {
            try WebClient(on: site.alice, base: "http://app.test:8080", address: site.gateway.ipv4)
        }

        /// Whether anything comes within a second.
        private func hears(_ stream: LabProcess) async -> Bool {
            let seen = stream.outputLines.count
            return (try? await stream.line(from: seen, within: .seconds(1)) { $0 == "tick" }) != nil
        }

        private func path(_ url: String, of client: WebClient) throws -> String {
            guard url.hasPrefix(client.base) else { throw LabError("\(url) leads elsewhere") }
            return String(url.dropFirst(client.base.count))
        }
    }
}
