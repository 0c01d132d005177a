import Testing

@testable import KnocknocAgent

@Suite("the servers that may be dialed")
struct KnownServersTests {
    private func servers(_ configured: String..., hosts: [String] = [], isPinned: Bool = false) throws -> KnownServers {
        KnownServers(
            configured: try configured.map { try #require(ServerURL($0)) },
            hosts: try hosts.map { try #require(HostPattern($0)) }, isPinned: isPinned)
    }

    @Test("a server may name hosts of this machine's own file, of ServerHosts, or any where certificates are pinned")
    func allowed() throws {
        let offered = [
            "https://web-1.example.org:8756", "https://web-2.example.org", "https://other.example.net",
            "https://example.org", "http://web-1.example.org", "nonsense",
        ]
        let plain = try servers("https://web-1.example.org")
        #expect(plain.learn(offered) == Array(offered.dropFirst()))
        #expect(plain.all.map(\.description) == ["https://web-1.example.org:8756", "https://web-1.example.org"])
        #expect(try servers("https://web-1.example.org", hosts: ["web-2.example.org"]).learn(offered).count == 4)
        #expect(try servers("https://web-1.example.org", hosts: ["*.example.org"]).learn(offered).count == 4)
        #expect(try servers("https://web-1.example.org", isPinned: true).learn(offered) == Array(offered.suffix(2)))
    }

    @Test("without TLS only what the file itself names without TLS")
    func plain() throws {
        let offered = ["http://127.0.0.1:9000", "http://localhost:9000", "https://127.0.0.1:9000"]
        let servers = try servers("http://127.0.0.1:8756", hosts: ["localhost"])
        #expect(servers.learn(offered) == ["http://localhost:9000"])
        #expect(try self.servers("https://127.0.0.1:8756", isPinned: true).learn(offered) == Array(offered.prefix(2)))
    }

    @Test("learned ones come first in an order of chance, the file's own are the last resort, the lost one is last")
    func rounds() throws {
        let servers = try servers("https://a.example.org", "https://b.example.org", hosts: ["*.example.org"])
        let own = servers.configured
        var generator = Seeded(state: 7)
        #expect(servers.round(after: nil, using: &generator) == own)
        #expect(servers.round(after: own[0], using: &generator) == [own[1], own[0]])
        servers.learn([
            "https://c.example.org", "https://d.example.org", "https://a.example.org", "https://c.example.org",
        ])
        let learned = try ["c", "d", "a"].map { try #require(ServerURL("https://\($0).example.org")) }
        var orders: Set<[ServerURL]> = []
        for _ in 0..<200 {
            let round = servers.round(after: nil, using: &generator)
            #expect(Set(round.prefix(3)) == Set(learned) && round.last == own[1])
            orders.insert(round)
            #expect(servers.round(after: learned[0], using: &generator).last == learned[0])
        }
        #expect(orders.count == 6)
        #expect(servers.learn([]).isEmpty)
        #expect(servers.all == own)
    }

    @Test("a pattern is a name, an address, or a domain of at least two labels")
    func patterns() {
        #expect(HostPattern("*.example.org")?.matches("web-1.example.org") == true)
        #expect(HostPattern("*.example.org")?.matches("a.b.example.org") == true)
        #expect(HostPattern("*.example.org")?.matches("badexample.org") == false)
        #expect(HostPattern("*.example.org")?.matches("example.org") == false)
        #expect(HostPattern("Web-1.example.org")?.matches("web-1.example.org") == true)
        #expect(HostPattern("2001:db8::1")?.matches("2001:db8::1") == true)
        for bad in ["", "*", "*.", "*.org", "a*.example.org", "*..org", "https://a.example.org", "a b", ".example.org"]
        {
            #expect(HostPattern(bad) == nil, "\(bad)")
        }
    }
}
