import KnocknocModel
import Testing

@Suite("Where a request comes from")
struct ClientAddressTests {
    private static func rule(_ trusted: String..., allInOne: Bool = false) throws -> ClientAddressRule {
        ClientAddressRule(
            trustedForwarders: try trusted.map { try CIDR(parsing: $0) }, allowsLoopback: allInOne)
    }

    private static func address(_ decision: ClientAddressRule.Decision) -> String? {
        if case .address(let address) = decision { address.description } else { nil }
    }

    struct Shape: Sendable, CustomTestStringConvertible {
        var what: String
        var peer: String
        var lines: [String]
        /// What is granted; nil is nothing.
        var expected: String?

        var testDescription: String { what }
    }

    /// The forwarders are 10.0.0.0/24 and 2001:db8:f::/64; the client wants to be 203.0.113.66.
    static let shapes = [
        Shape(
            what: "a public client sends its own header", peer: "198.51.100.7", lines: ["203.0.113.66"],
            expected: "198.51.100.7"),
        Shape(
            what: "through the proxy, spoofed first hop", peer: "10.0.0.1",
            lines: ["203.0.113.66, 198.51.100.7"], expected: "198.51.100.7"),
        Shape(
            what: "spoofed in a line of its own", peer: "10.0.0.1", lines: ["203.0.113.66", "198.51.100.7"],
            expected: "198.51.100.7"),
        Shape(
            what: "a forwarder's address spoofed before", peer: "10.0.0.1", lines: ["10.0.0.9, 198.51.100.7"],
            expected: "198.51.100.7"),
        Shape(what: "words instead of the last hop", peer: "10.0.0.1", lines: ["203.0.113.66, unknown"], expected: nil),
        Shape(what: "an empty last hop", peer: "10.0.0.1", lines: ["203.0.113.66,"], expected: nil),
        Shape(what: "an empty line after", peer: "10.0.0.1", lines: ["203.0.113.66", ""], expected: nil),
        Shape(what: "an octal-looking hop", peer: "10.0.0.1", lines: ["203.0.113.066"], expected: nil),
        Shape(what: "a zone identifier", peer: "10.0.0.1", lines: ["fe80::1%eth0"], expected: nil),
        Shape(what: "loopback", peer: "10.0.0.1", lines: ["127.0.0.1"], expected: nil),
        Shape(what: "IPv4-mapped loopback", peer: "10.0.0.1", lines: ["::ffff:127.0.0.1"], expected: nil),
        Shape(what: "the forwarder itself", peer: "10.0.0.1", lines: [], expected: nil),
        Shape(what: "only forwarders", peer: "10.0.0.1", lines: ["10.0.0.3, 10.0.0.2"], expected: nil),
        Shape(what: "unspecified", peer: "10.0.0.1", lines: ["0.0.0.0"], expected: nil),
        Shape(what: "multicast", peer: "10.0.0.1", lines: ["ff02::1"], expected: nil),
        Shape(what: "a proxy that nobody told us of", peer: "192.168.7.7", lines: ["198.51.100.7"], expected: nil),
        Shape(
            what: "a chain of two forwarders", peer: "10.0.0.1", lines: ["203.0.113.66, 198.51.100.7, 10.0.0.2"],
            expected: "198.51.100.7"),
        Shape(
            what: "IPv6 through an IPv6 forwarder", peer: "2001:db8:f::1", lines: ["2001:db8:1::7"],
            expected: "2001:db8:1::7"),
        Shape(
            what: "IPv6 with a port", peer: "2001:db8:f::1", lines: ["[2001:DB8:1::7]:4711"],
            expected: "2001:db8:1::7"),
        Shape(what: "IPv4 with a port", peer: "10.0.0.1", lines: ["198.51.100.7:4711"], expected: "198.51.100.7"),
        Shape(what: "a private client without a proxy", peer: "192.168.7.7", lines: [], expected: "192.168.7.7"),
        Shape(
            what: "a mapped forwarder is the forwarder", peer: "::ffff:10.0.0.1", lines: ["198.51.100.7"],
            expected: "198.51.100.7"),
    ]

    @Test("the right-most hop that is no forwarder counts, whatever stands before it", arguments: shapes)
    func spoofing(_ shape: Shape) throws {
        let rule = try Self.rule("10.0.0.0/24", "2001:db8:f::/64")
        let decision = rule.decide(peer: IPAddress(shape.peer), forwardedFor: shape.lines)
        #expect(Self.address(decision) == shape.expected)
    }

    @Test("an unknown proxy's administrator is shown the line to add")
    func remedy() throws {
        let decision = try Self.rule().decide(peer: IPAddress("192.168.7.7"), forwardedFor: ["198.51.100.7"])
        guard case .refused(_, _, let remedy?) = decision else {
            Issue.record("expected a refusal with a remedy, not \(decision)")
            return
        }
        #expect(remedy.contains("TrustedForwarders = 192.168.7.7/32"))
        let more = try Self.rule("127.0.0.1/32", "10.0.0.0/24")
        let proxy = try #require(IPAddress("192.168.7.7"))
        #expect(more.line(trusting: proxy) == "TrustedForwarders = 127.0.0.1/32, 10.0.0.0/24, 192.168.7.7/32")
    }

    @Test("loopback is granted in the all-in-one only")
    func loopback() throws {
        let peer = IPAddress("127.0.0.1")
        let allInOne = try Self.rule("127.0.0.1/32", allInOne: true).decide(peer: peer, forwardedFor: [])
        #expect(Self.address(allInOne) == "127.0.0.1")
        let remote = try Self.rule("127.0.0.1/32").decide(peer: peer, forwardedFor: [])
        #expect(Self.address(remote) == nil)
    }

    @Test("no peer, no address")
    func nobody() throws {
        #expect(Self.address(try Self.rule().decide(peer: nil, forwardedFor: ["198.51.100.7"])) == nil)
    }

    @Test(
        "rules that go by networks know where a request came from, or that a proxy may hide it",
        arguments: [
            ("127.0.0.1", [], false, "127.0.0.1"), ("127.0.0.1", [], true, nil),
            ("127.0.0.1", ["127.0.0.1"], true, "127.0.0.1"), ("127.0.0.1", ["198.51.100.7"], false, "198.51.100.7"),
            ("10.0.0.1", ["198.51.100.7"], true, "198.51.100.7"), ("10.0.0.1", [], true, nil),
            ("10.0.0.1", ["x"], true, nil), ("192.168.7.7", ["198.51.100.7"], false, nil),
            ("198.51.100.7", ["203.0.113.66"], true, "198.51.100.7"), ("::1", ["198.51.100.7"], false, nil),
            ("::1", ["10.0.0.5"], false, nil), ("::1", [], false, "::1"),
        ] as [(String, [String], Bool, String?)])
    func origin(_ peer: String, _ lines: [String], _ namesScheme: Bool, _ expected: String?) throws {
        let rule = try Self.rule("127.0.0.0/8", "10.0.0.0/24")
        let peer = try #require(IPAddress(peer))
        let origin = rule.origin(
            rule.decide(peer: peer, forwardedFor: lines), peer: peer, namesClient: !lines.isEmpty,
            isForwarded: !lines.isEmpty || namesScheme)
        #expect(origin?.description == expected)
    }
}
