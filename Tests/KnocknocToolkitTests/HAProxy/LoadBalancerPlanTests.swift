import KnocknocHAProxy
import KnocknocModel
import KnocknocSystem
import Testing

@testable import KnocknocToolkit

@Suite("a load balancer's plan")
struct LoadBalancerPlanTests {
    static let standard = (binds: [FrontAddress(.v4(0))], certificate: "/opt/knocknoc/etc/tls/haproxy.pem")

    static func plan(_ nodes: [String], peers: [String] = []) throws -> LoadBalancerPlan {
        var change = LoadBalancerChange()
        change.nodes = try nodes.map { try NamedEndpoint(parsing: $0) }
        change.peers = try peers.map { try NamedEndpoint(parsing: $0) }
        return try change.applied(to: nil, standard: standard).plan
    }

    @Test(
        "a node that cannot be used is refused, with what was expected",
        arguments: [
            ("web-1", "expected NAME=HOST:PORT"), ("=192.0.2.1:1", "cannot be a name"),
            ("a b=192.0.2.1:1", "cannot be a name"),
            ("a;b=192.0.2.1:1", "cannot be a name"), ("a=192.0.2.1", "expected HOST:PORT"),
            ("a=192.0.2.256:1", "expected HOST:PORT"), ("a=192.0.2.1:0", "expected HOST:PORT"),
            ("a=192.0.2.1:65536", "expected HOST:PORT"), ("a=2001:db8::1", "expected HOST:PORT"),
            ("a=[192.0.2.1]:1", "expected HOST:PORT"), ("a=b\nc:1", "expected HOST:PORT"),
            ("a=-x:1", "expected HOST:PORT"),
        ])
    func refusedNode(_ text: String, _ words: String) throws {
        let error = #expect(throws: SystemError.self) { try NamedEndpoint(parsing: text) }
        #expect(error?.code == .invalid && error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test("addresses and names are read, and written as HAProxy reads them")
    func read() throws {
        for text in ["192.0.2.1:8756", "[2001:db8::1]:8756", "web-1.example:443"] {
            #expect(try HostPort(parsing: text).description == text)
        }
        #expect(try HostPort(parsing: "Web.Example:1").host == "web.example")
        #expect(
            try FrontAddress.parse("*", hasIPv6: true).map { $0.text(port: 443) } == ["0.0.0.0:443", "[::]:443 v6only"])
        #expect(try FrontAddress.parse("*:8443", hasIPv6: false).map { $0.text(port: 443) } == ["0.0.0.0:8443"])
        #expect(try FrontAddress.parse("2001:db8::1", hasIPv6: true).map(\.description) == ["[2001:db8::1]"])
        for text in ["", "web.example", "192.0.2.1:", "192.0.2.1:99999", "[::1"] {
            #expect(throws: SystemError.self) { try FrontAddress.parse(text, hasIPv6: true) }
        }
    }

    @Test("what a part was made from is read back out of it, every word")
    func record() throws {
        var plan = try Self.plan(
            ["web-1=192.0.2.11:8756", "web-2=[2001:db8::12]:8756", "here=127.0.0.1:8756"],
            peers: ["lb-1=192.0.2.1:10000", "lb-2=192.0.2.2:10000"])
        plan.nodes[0].trust = .authority
        plan.binds = try FrontAddress.parse("[2001:db8::1]:8443", hasIPv6: true)
        for front in [LoadBalancerPlan.Front.http, .tls(certificate: "/etc/site.pem")] {
            plan.front = front
            let text = HAProxyPart(plan: plan, layout: HAProxyLayout()).text
            let file = try HAProxyText(Array(("global\n\n" + text + "# mine\n").utf8), path: "cfg")
            #expect(try file.plan() == plan)
            #expect(String(decoding: file.before, as: UTF8.self) == "global\n\n")
            #expect(String(decoding: file.after, as: UTF8.self) == "# mine\n")
        }
    }

    @Test("a node is added, moved, removed; one that is not there is no mistake; the last one stays")
    func change() throws {
        let plan = try Self.plan(["a=192.0.2.1:1", "b=127.0.0.1:2"])
        #expect(plan.nodes.map(\.trust) == [.pinned, .plain])
        var change = LoadBalancerChange()
        change.nodes = [try NamedEndpoint(parsing: "a=192.0.2.9:1"), try NamedEndpoint(parsing: "c=192.0.2.3:1")]
        change.removedNodes = ["b", "z"]
        let (changed, notes) = try change.applied(to: plan, standard: Self.standard)
        #expect(changed.nodes.map { "\($0.name)=\($0.endpoint)" } == ["a=192.0.2.9:1", "c=192.0.2.3:1"])
        #expect(notes == ["z is not among the nodes; there is nothing to remove"])
        var last = LoadBalancerChange()
        last.removedNodes = ["a", "c"]
        #expect(throws: SystemError.self) { try last.applied(to: changed, standard: Self.standard) }
        var twice = LoadBalancerChange()
        twice.nodes = [try NamedEndpoint(parsing: "d=192.0.2.3:1")]
        #expect(throws: SystemError.self) { try twice.applied(to: changed, standard: Self.standard) }
    }

    @Test("a trust in a node is kept while it stays where it is, and found anew where it moves")
    func trust() throws {
        var plan = try Self.plan(["a=web.example:1"])
        plan.nodes[0].trust = .authority
        var change = LoadBalancerChange()
        change.nodes = [try NamedEndpoint(parsing: "a=web.example:1")]
        #expect(try change.applied(to: plan, standard: Self.standard).plan == plan)
        change.nodes = [try NamedEndpoint(parsing: "a=web.example:2")]
        #expect(try change.applied(to: plan, standard: Self.standard).plan.nodes[0].trust == .pinned)
    }

    @Test("peers are all or none: one alone is refused, and the last two part")
    func peers() throws {
        #expect(throws: SystemError.self) { try Self.plan(["a=192.0.2.1:1"], peers: ["lb-1=192.0.2.1:10000"]) }
        let plan = try Self.plan(["a=192.0.2.1:1"], peers: ["lb-2=192.0.2.2:10000", "lb-1=192.0.2.1:10000"])
        #expect(plan.peers.map(\.name) == ["lb-1", "lb-2"])
        var change = LoadBalancerChange()
        change.removedPeers = ["lb-2"]
        #expect(try change.applied(to: plan, standard: Self.standard).plan.peers.isEmpty)
    }

    @Test(
        "a certificate's path that could say more to HAProxy than a path is refused",
        arguments: ["site.pem", "/a b.pem", "/a\n.pem", "/a#.pem", "/a\".pem", "/$a.pem"])
    func certificate(_ path: String) throws {
        var change = LoadBalancerChange()
        change.nodes = [try NamedEndpoint(parsing: "a=192.0.2.1:1")]
        change.certificate = path
        #expect(throws: SystemError.self) { try change.applied(to: nil, standard: Self.standard) }
    }

    @Test("the line for web nodes names every address that they see HAProxy come from, and nothing wider")
    func forwarders() throws {
        let plan = try Self.plan(
            ["a=192.0.2.11:1", "b=127.0.0.1:2"], peers: ["lb-1=192.0.2.1:10000", "lb-2=192.0.2.2:10000"])
        let sources = [IPAddress("192.0.2.1"), IPAddress("127.0.0.1"), nil]
        #expect(
            TrustedForwarders.line(plan, sources: sources)
                == "TrustedForwarders = 192.0.2.1/32, 127.0.0.1/32, 192.0.2.2/32")
    }
}
