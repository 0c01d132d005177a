import Glibc
import Lab
import Testing

extension WholeSystem {
    @Suite("behind a reverse proxy") struct GateTests {
        @Test(
            "who is not let in is sent to the portal with the page's address, who is let in passes, in each family",
            .timeLimit(limit), arguments: [false, true])
        func lets(family6: Bool) async throws {
            try await GatedSite.run(["--pass-path", "/cb"]) { site in
                let alice = try site.browser(on: site.alice, family6: family6)
                let refused = try await alice.page("/wiki?page=1&q=%C3%A9+x")
                #expect(refused.status == 302 && refused.header("cache-control") == "no-store", "\(refused)")
                #expect(
                    refused.header("location") == GatedSite.portal
                        + "/?referrer=http%3A%2F%2Fapp.test%3A8080%2Fwiki%3Fpage%3D1%26q%3D%25C3%25A9%2Bx")
                // What reads no page is told in words, and so is whoever sends something.
                for (method, headers) in [
                    ("GET", [("Accept", "application/json")]),
                    ("GET", [("Accept", "text/html"), ("Sec-Fetch-Mode", "cors")]),
                    ("POST", [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")]),
                ] {
                    let other = try await alice.send(method, "/wiki", headers: headers)
                    #expect(other.status == 403 && other.text.contains("Open it at \(GatedSite.portal)/"), "\(other)")
                }
                #expect(try await alice.send("HEAD", "/", headers: [("Accept", "text/html")], limit: 5).status == 302)

                let address = family6 ? site.alice.ipv6 : site.alice.ipv4
                try await site.proxy.letIn(address, seconds: 600)
                let passed = try await alice.send(
                    "GET", "/wiki?page=1",
                    headers: [("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=x"), ("X-Real-IP", "192.0.2.1")])
                #expect(passed.status == 200 && passed.json["path"].string == "/wiki?page=1", "\(passed)")
                let headers = passed.json["headers"]
                #expect(headers["x-forwarded-for"].string == address)
                #expect(headers["x-forwarded-proto"].string == "http" && headers["host"].string == "app.test:8080")
                #expect(headers["forwarded"].string == nil && headers["x-real-ip"].string == nil)
                let foreign = ["X_Forwarded_For", "X-Forwarded_For", "X.Forwarded.Host", "X_Real-IP", "X_Original_URL"]
                let bare = try await site.answers(
                    ["GET /"], headers: foreign.map { "\($0): 192.0.2.1\r\n" }.joined(), from: site.alice,
                    family6: family6)
                #expect(bare[0].status == 200 && !bare[0].body.contains("192.0.2.1"), "\(bare)")
                #expect(try await site.browser(on: site.mallory, family6: family6).page("/").status == 302)

                // HAProxy reads the list again, which the file still has.
                try await site.proxy.reload()
                #expect(try await alice.page("/").status == 200)
                await site.proxy.stop(SIGKILL)
                try await site.proxy.start()
                #expect(try await alice.page("/").status == 200)
                #expect(try await site.browser(on: site.mallory, family6: family6).page("/").status == 302)
            }
        }

        @Test(
            "an entry that ends refuses the next request of a connection that is held open: taken away, or its time up",
            .timeLimit(limit))
        func ends() async throws {
            try await GatedSite.run { site in
                let list = site.proxy.lists + "/door.map"
                let request = "GET / HTTP/1.1\r\nHost: app.test:8080\r\n\r\n"
                for isTimed in [false, true] {
                    try await site.proxy.letIn(site.alice.ipv4, seconds: isTimed ? 3 : 600)
                    let held = try RawRequests.repeated(request, from: site.alice, to: site.gateway.ipv4, port: 8080)
                    _ = try await held.line { $0 == "200" }
                    if !isTimed { _ = try await site.proxy.ask("del map \(list) \(site.alice.ipv4)") }
                    _ = try await held.line { $0 == "403" }
                    // One connection all the time.
                    #expect(held.outputLines == ["200", "403"], "\(held.outputLines)")
                    await held.stop(SIGKILL)
                }
            }
        }

        @Test(
            "paths and methods: what is closed, what passes, and what some server may take for another path",
            .timeLimit(limit))
        func paths() async throws {
            try await GatedSite.run(["--pass-path", "/oidc/callback", "--pass-path", "/static/*"]) { site in
                func statuses(_ lines: [String], headers: String = "") async throws -> [Int] {
                    try await site.answers(lines, headers: headers).map(\.status)
                }
                let passing = [
                    "GET /oidc/callback?code=1", "POST /oidc/callback", "GET /static", "GET /static/a/b.css",
                    "GET /static/caf%C3%A9", "GET /static/a..b", "GET /static/?x=../../%2e",
                ]
                let refused = [
                    "GET /", "GET /oidc/callback/", "GET /OIDC/callback", "GET /staticx", "GET /static/../",
                    "GET /static/..",
                    "GET /static/./x", "GET /static//x", "GET //static/x", "GET /static/%2e%2e/x", "GET /static/%2E./x",
                    "GET /static/..%2fx", "GET /static/%5c..%5cx", "GET /static/..;/x", "GET /static/x;y=1",
                    "GET /static/%252e%252e/x", "GET /static/%c0%ae%c0%ae/x", "GET /static/%", "GET /static/%zz",
                    "GET /static/%00", "GET /static/\\..\\x", "OPTIONS *", "CONNECT app.test:8080",
                ]
                #expect(try await statuses(passing) == passing.map { _ in 200 })
                let answers = try await statuses(refused)
                for (line, status) in zip(refused, answers) {
                    #expect([400, 403].contains(status), "\(line): \(status)")
                }

                // Closed alone: as it is, in any case, with a slash, and whatever is unclear.
                try await site.proxy.enable([
                    "--gate-path", "/", "--gate-path", "/admin/*", "--gate-path", "/x", "--pass-path", "/admin/hook",
                ])
                let open = [
                    "GET /index.html", "GET /administrator", "GET /admin/hook", "GET /x/y", "GET /oidc/callback",
                ]
                #expect(try await statuses(open) == open.map { _ in 200 })
                let closed = [
                    "GET /", "GET /?x=1", "GET /admin", "GET /admin/", "GET /Admin/users", "GET /x", "GET /X/",
                    "GET //admin", "GET /a/../admin", "GET /%61dmin", "GET /admin%2f", "GET /admin;x", "GET /./admin",
                    "GET /admin/hook/", "GET /admin/hook/..", "GET /admin/Hook", "CONNECT app.test:8080",
                ]
                for (line, status) in zip(closed, try await statuses(closed)) {
                    #expect([400, 403].contains(status), "\(line): \(status)")
                }

                // Methods: what passes as one does not become another.
                try await site.proxy.enable([
                    "--gate-path", "/*", "--pass-path", "none", "--gate-method", "POST,PUT,DELETE",
                ])
                let overriding = "X-HTTP-Method-Override: DELETE\r\nX-Method-Override: PUT\r\nX-HTTP-Method: POST\r\n"
                for headers in [overriding, overriding.replacing("-", with: "_"), overriding.replacing("-", with: ".")]
                {
                    let read = try await site.answers(["GET /a"], headers: headers)[0]
                    #expect(
                        read.status == 200 && !read.body.contains("verride") && !read.body.contains("DELETE")
                            && !read.body.contains("POST"), "\(read)")
                }
                #expect(try await statuses(["POST /a", "PUT /a", "DELETE /a", "OPTIONS /a"]) == [403, 403, 403, 200])
                // Servers that tell no case must not be asked with what HAProxy takes for another method.
                let spelled = ["post /a", "Post /a", "pUT /a", "delete /a", "options /a", "POST. /a", "X1 /a"]
                #expect(try await statuses(spelled) == spelled.map { _ in 403 })
                try await site.proxy.enable(["--gate-method", "all"])
                #expect(try await statuses(["GET /a", "OPTIONS /a"]) == [403, 403])
            }
        }

        @Test("neither a foreign Host nor a path leads anybody anywhere else, or past the gate", .timeLimit(limit))
        func hostile() async throws {
            try await GatedSite.run(["--pass-path", "/ws"]) { site in
                func send(_ texts: [String]) async throws -> [RawRequests.Answer] {
                    try await RawRequests.send(texts, from: site.mallory, to: site.gateway.ipv4, port: 8080)
                }
                let page = "Accept: text/html\r\n\r\n"
                let foreign = [
                    "evil.test", "evil.test:8080", "app.test", "app.test:8080@evil.test", "app.test:8080.evil.test",
                    "app.test.:8080", "app.test:8080:evil", "evil.test/app.test:8080", "app.test:08080", "",
                    "app.test,app.test:8080", "evil.test, app.test:8080", "app.test:8080, evil.test",
                    "evil.test,app.test",
                ]
                for (host, answer) in zip(
                    foreign, try await send(foreign.map { "GET / HTTP/1.1\r\nHost: \($0)\r\n\(page)" }))
                {
                    #expect([400, 421].contains(answer.status) && answer.location == nil, "\(host): \(answer)")
                }
                let none = try await send([
                    "GET / HTTP/1.0\r\n\(page)", "GET / HTTP/1.1\r\nHost: app.test:8080\r\nHost: evil.test\r\n\(page)",
                    "GET / HTTP/1.1\r\nHost: evil.test\r\nHost: app.test:8080\r\n\(page)",
                    "GET http://evil.test/ HTTP/1.1\r\nHost: app.test:8080\r\n\(page)",
                ])
                for answer in none {
                    #expect([400, 421].contains(answer.status) && answer.location == nil, "\(answer)")
                }

                // Whatever is asked for is one value of the portal's address, at our own site.
                let paths = [
                    "//evil.test/x", "/\\evil.test", "/%0d%0aLocation:%20http://evil.test/",
                    "/?referrer=http://evil.test",
                    "/&x=1#y", "/a?b=%22%3E%3Cscript%3E", "/@evil.test", "http://app.test:8080//evil.test",
                ]
                let start = GatedSite.portal + "/?referrer=http%3A%2F%2Fapp.test%3A8080"
                for (path, answer) in zip(
                    paths, try await site.answers(paths.map { "GET " + $0 }, headers: "Accept: text/html\r\n"))
                where answer.status != 400 {
                    let location = try #require(answer.location)
                    #expect(answer.status == 302 && location.hasPrefix(start + "%2F"), "\(path): \(answer)")
                    let value = location.dropFirst((GatedSite.portal + "/?referrer=").count)
                    let isOneValue = value.allSatisfy { $0.isLetter || $0.isNumber || "%-._~".contains($0) }
                    #expect(isOneValue, "\(path): \(location)")
                }
                let long = String(repeating: "a", count: 12_000)
                let answer = try await site.answers(["GET /\(long)"], headers: "Accept: text/html\r\n")[0]
                #expect(
                    [302, 400, 414].contains(answer.status) && answer.location?.hasPrefix(GatedSite.portal) != false)

                // A connection that became another protocol would be out of sight.
                let upgrade = try await site.answers(
                    ["GET /ws"],
                    headers: "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n")
                #expect(upgrade[0].status == 200 && !upgrade[0].body.lowercased().contains("h2c"), "\(upgrade)")
                #expect(!upgrade[0].body.lowercased().contains("http2-settings\":"), "\(upgrade)")
                let two = try await site.answers(
                    ["GET /ws"], headers: "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n")
                #expect(two[0].status == 200 && !two[0].body.contains("h2c"), "\(two)")
                let socket = try await site.answers(
                    ["GET /ws"],
                    headers:
                        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
                #expect(socket[0].body.contains("websocket"), "\(socket)")
            }
        }
    }
}
