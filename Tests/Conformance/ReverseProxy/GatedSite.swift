import Lab

/// A site behind the reverse proxy that `knocker enable reverseproxy` makes, and people on hosts of their own. No server
/// and no agent is here: a test lets people in itself.
struct GatedSite {
    let proxy: ReverseProxy
    let gateway: Host
    let alice: Host
    let mallory: Host

    static let portal = "https://knock.test"
    /// What makes the first door.
    static let arguments = [
        "--http-only", "--bind", "*:8080", "--domain", "app.test:8080", "--upstream", "127.0.0.1:9001", "--portal",
        portal,
    ]

    static func run(_ arguments: [String] = [], _ body: (GatedSite) async throws -> Void) async throws {
        let network = Network()
        let gateway = try await network.host("g", 1)
        let (alice, mallory) = (try await network.host("a", 2), try await network.host("m", 3))
        let proxy = try ReverseProxy(on: gateway)
        do {
            _ = try await GatedService.start(on: gateway, port: 9001)
            try await proxy.enable(Self.arguments + arguments)
            try await proxy.start()
            try await body(GatedSite(proxy: proxy, gateway: gateway, alice: alice, mallory: mallory))
            await proxy.remove()
            await network.remove()
        } catch {
            let log = await proxy.log()
            await proxy.remove()
            await network.remove()
            throw LabError("\(error)\n--- HAProxy\n\(log)")
        }
    }

    /// A browser that reads pages.
    func browser(on host: Host, family6: Bool = false) throws -> WebClient {
        try WebClient(on: host, base: "http://app.test:8080", address: family6 ? gateway.ipv6 : gateway.ipv4)
    }

    /// The answers to requests of these lines, on connections of their own.
    func answers(
        _ lines: [String], headers: String = "", from host: Host? = nil, family6: Bool = false
    ) async throws -> [RawRequests.Answer] {
        let requests = lines.map { "\($0) HTTP/1.1\r\nHost: app.test:8080\r\n\(headers)\r\n" }
        let address = family6 ? gateway.ipv6 : gateway.ipv4
        return try await RawRequests.send(requests, from: host ?? mallory, to: address, port: 8080)
    }
}

extension WebClient {
    /// Opens a page as a browser does.
    func page(_ path: String) async throws -> Answer {
        try await send("GET", path, headers: [("Accept", "text/html,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate")])
    }
}
