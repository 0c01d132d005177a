import KnocknocHAProxy
import KnocknocModel
import KnocknocSystem
import Testing

@testable import KnocknocReverseProxy

@Suite("what a reverse proxy is made from")
struct PlanTests {
    static func plan() throws -> ReverseProxyPlan {
        var wiki = Door(
            name: "wiki", domains: [try Domain(parsing: "Wiki.example"), try Domain(parsing: "w.example:8443")],
            upstreams: [try Upstream(parsing: "http://127.0.0.1:8080"), try Upstream(parsing: "[2001:db8::1]:80/")])
        wiki.gatedPaths = [try GatePath(parsing: "/"), try GatePath(parsing: "/admin/*")]
        wiki.passedPaths = [try GatePath(parsing: "/oidc/callback"), try GatePath(parsing: "/static/*")]
        wiki.gatedMethods = try Door.methods(["post,GET"])
        var git = Door(
            name: "git", domains: [try Domain(parsing: "git.example")],
            upstreams: [try Upstream(parsing: "https://192.0.2.7:443")])
        git.upstreamCA = "/etc/ssl/git.pem"
        return ReverseProxyPlan(
            portal: try #require(WebOrigin("https://knock.example")),
            portalUpstream: try Upstream(parsing: "127.0.0.1:8756"),
            binds: [FrontAddress(.v4(0)), FrontAddress(.v6(0))],
            front: .tls(certificates: ["/etc/ssl/a.pem", "/etc/ssl/b.pem"]),
            lists: "/var/lib/knocknoc-agent/haproxy", group: "root", doors: [wiki, git])
    }

    @Test("what stands in the part as comments is all there is to know")
    func record() throws {
        let plan = try Self.plan()
        try plan.check()
        #expect(try ReverseProxyPlan(record: plan.record, first: 1, path: "cfg") == plan)
        let text = ReverseProxyPart(plan: plan, socket: "/run/haproxy/x.sock").text
        let file = try HAProxyText(
            Array(("global\n\n" + text + "# mine\n").utf8), path: "cfg", marks: ReverseProxyPart.marks)
        let record = try #require(file.record)
        #expect(record.first == 4)
        #expect(try ReverseProxyPlan(record: record.lines, first: record.first, path: "cfg") == plan)
        #expect(file.with(part: text) == Array(("global\n\n" + text + "# mine\n").utf8))
        #expect(file.with(part: nil) == Array("global\n# mine\n".utf8))
    }

    @Test("a part of the load balancer's stands beside it, and neither is taken for the other")
    func beside() throws {
        let other = "# >>> knocknoc: made by \"knocker haproxy\"\n# node a=127.0.0.1:1 plain\n# <<< knocknoc\n"
        let text = ReverseProxyPart(plan: try Self.plan(), socket: "/s").text
        let both = Array((other + "\n" + text).utf8)
        let ours = try HAProxyText(both, path: "cfg", marks: ReverseProxyPart.marks)
        #expect(ours.part == Array(text.utf8))
        let marks = HAProxyMarks(begin: "# >>> knocknoc", end: "# <<< knocknoc", remedy: "")
        #expect(try HAProxyText(both, path: "cfg", marks: marks).part == Array(other.utf8))
    }

    @Test(
        "a record that somebody has edited is named with its line",
        arguments: [
            "# portal nowhere", "# upstream 127.0.0.1:1", "# door wiki\n#   gate-path /../x", "# lists relative",
            "# door wiki\n#   domain 192.0.2.1", "# no such thing", "# door wiki\n#   gate-method P/ST",
        ])
    func torn(_ text: String) {
        let lines = text.split(separator: "\n").map(String.init)
        let error = #expect(throws: SystemError.self) { try ReverseProxyPlan(record: lines, first: 7, path: "cfg") }
        #expect(
            error?.code == .invalid && error?.message.contains("cfg:\(6 + lines.count):") == true, "\(error as Any)")
    }

    @Test(
        "a path is one as browsers send it",
        arguments: [
            "", "x", "//", "/a//b", "/a/../b", "/.", "/a b", "/a%2fb", "/a;b", "/a?b", "/\u{e9}", "/a\"", "/*/b",
        ])
    func paths(_ text: String) {
        #expect(throws: SystemError.self) { try GatePath(parsing: text) }
    }

    @Test("a name, an upstream, a door and a method are what they can be")
    func parts() throws {
        #expect(try Domain(parsing: "App.Example:8443").description == "app.example:8443")
        for text in ["", "192.0.2.1", "[::1]:443", "a b", "a.example.", "a..b", "a/b", "*.a", "a:0", "a.example:x"] {
            #expect(throws: SystemError.self, "\(text)") { try Domain(parsing: text) }
        }
        #expect(try Upstream(parsing: "https://a.example:1/").description == "https://a.example:1")
        for text in ["a.example", "https://", "ftp://a:1", "https://a:1/path"] {
            #expect(throws: SystemError.self, "\(text)") { try Upstream(parsing: text) }
        }
        for text in ["", "A", "-a", "a b", "a.b", String(repeating: "a", count: 32)] {
            #expect(throws: SystemError.self, "\(text)") { try Door.check(name: text) }
        }
        #expect(try Door.methods(["get", "POST"]) == ["GET", "HEAD", "POST"])
        #expect(try Door.methods(["POST", "all"]).isEmpty)
        #expect(throws: SystemError.self) { try Door.methods(["P OST"]) }
        #expect(try GatePath(parsing: "/*").isEverything && !GatePath(parsing: "/").isEverything)
    }

    @Test("what would be no working reverse proxy is refused, each for its reason")
    func refused() throws {
        func reason(_ change: (inout ReverseProxyPlan) throws -> Void) throws -> String {
            var plan = try Self.plan()
            try change(&plan)
            let checked = plan
            return #expect(throws: SystemError.self) { try checked.check() }?.message ?? ""
        }
        #expect(try reason { $0.doors[1].domains = $0.doors[0].domains }.contains("two doors answer to wiki.example"))
        #expect(try reason { $0.doors[1].domains = [try Domain(parsing: "knock.example")] }.contains("portal's own"))
        #expect(try reason { $0.doors[0].domains = [] }.contains("--domain"))
        #expect(try reason { $0.doors[0].upstreams = [] }.contains("--upstream"))
        #expect(try reason { $0.front = .tls(certificates: []) }.contains("--http-only"))
        #expect(try reason { $0.front = .tls(certificates: ["a b"]) }.contains("absolute path"))
        #expect(try reason { $0.doors[1].upstreamCA = nil }.contains("no authority vouches for an address"))
        #expect(try reason { $0.doors[0].upstreamCA = "/x" }.contains("is for https"))
        #expect(try reason { $0.portal.host = "a\"b" }.contains("--portal"))
    }
}
