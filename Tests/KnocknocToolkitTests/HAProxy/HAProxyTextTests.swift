import KnocknocHAProxy
import KnocknocModel
import KnocknocSystem
import Testing

@testable import KnocknocToolkit

@Suite("haproxy.cfg and our part of it")
struct HAProxyTextTests {
    private func part(_ nodes: [String], peers: [String] = []) throws -> String {
        HAProxyPart(plan: try LoadBalancerPlanTests.plan(nodes, peers: peers), layout: HAProxyLayout()).text
    }

    @Test(
        "what is the administrator's stays byte for byte, whatever it is",
        arguments: [
            "", "global\n", "global", "\r\n\r\nglobal\r\n\tdaemon\r\n", "# caf\u{e9} \u{0} \u{1}\n", "\n\n\n",
            "   # <<< knocknok\n# >> knocknoc\n",
        ], ["", "\n", "frontend mine\n  bind :1\n", "# end"])
    func kept(before: String, after: String) throws {
        // Latin 1 is no UTF-8, and no business of ours.
        let (head, tail) = (Array(before.utf8) + (before.isEmpty ? [] : [0xe9]), Array(after.utf8))
        let first = try HAProxyText(head, path: "cfg")
        #expect(first.part == nil)
        let made = first.with(part: try part(["a=192.0.2.1:1"])) + tail
        #expect(made.starts(with: head))
        let second = try HAProxyText(made, path: "cfg")
        let changed = second.with(part: try part(["a=192.0.2.1:1", "b=192.0.2.2:1"]))
        let third = try HAProxyText(changed, path: "cfg")
        #expect(third.before == second.before && third.before.starts(with: head) && third.after == tail)
        #expect(try third.plan()?.nodes.map(\.name) == ["a", "b"])
        #expect(third.with(part: try part(["a=192.0.2.1:1"])) == made)
    }

    @Test(
        "marks that do not fit together, or a record that somebody has edited, are named with their line",
        arguments: [
            ("global\n# >>> knocknoc\nx\n", "cfg:2:"), ("a\nb\n# <<< knocknoc\n", "cfg:3:"),
            ("# >>> knocknoc\n# <<< knocknoc\n# >>> knocknoc\n# <<< knocknoc\n", "cfg:3:"),
            ("# >>> knocknoc\n# <<< knocknoc\n# <<< knocknoc\n", "cfg:3:"),
            ("x\n# >>> knocknoc\n# node a=b\n# <<< knocknoc\n", "cfg:3:"),
            ("x\n# >>> knocknoc\n# node a=192.0.2.1:1 pinned\n# bind nowhere\n# <<< knocknoc\n", "cfg:4:"),
        ])
    func torn(_ text: String, _ place: String) {
        let error = #expect(throws: SystemError.self) { _ = try HAProxyText(Array(text.utf8), path: "cfg").plan() }
        #expect(error?.code == .invalid && error?.message.contains(place) == true, "\(error?.message ?? "")")
    }

    @Test("a line of the administrator's that listens where we would is found, and no other")
    func clash() throws {
        let listeners = [FrontAddress(.v4(0xc000_0201), port: 443), FrontAddress(.v4(0xc000_0201), port: 80)]
        let found = { (line: String) in
            try HAProxyText(Array(("frontend a\n  " + line + "\n").utf8), path: "cfg").clash(with: listeners)?.line
        }
        for line in [
            "bind :443", "bind *:443 ssl crt x", "bind 192.0.2.1:80", "bind 192.0.2.9:1,192.0.2.1:443",
            "bind ipv4@:443",
            "bind 0.0.0.0:400-500", "bind [::]:443", "bind :::80",
        ] { #expect(try found(line) == 2, "\(line)") }
        for line in [
            "bind :8443", "bind 192.0.2.2:443", "bind /run/x.sock", "# bind :443", "server x 192.0.2.1:443",
            "bind unix@/run/y:443x", "bind",
        ] { #expect(try found(line) == nil, "\(line)") }
        let listen = try HAProxyText(Array("listen a 192.0.2.1:443\n".utf8), path: "cfg").clash(with: listeners)
        #expect(listen?.line == 1)
        let own = try HAProxyText(
            Array(("a\n" + part(["a=192.0.2.1:1"]) + "frontend b\n bind :443\n").utf8), path: "cfg")
        let lines = (own.before + (own.part ?? [])).count { $0 == 10 }
        #expect(own.clash(with: listeners)?.line == lines + 2)
    }

    @Test("a proxy after our part that has no defaults of its own is noticed")
    func heirs() throws {
        let heir = { (tail: String) in
            try HAProxyText(Array((self.part(["a=192.0.2.1:1"]) + tail).utf8), path: "cfg").inheritsOurDefaults
        }
        #expect(try heir("frontend x\n"))
        #expect(try heir("defaults\n\nfrontend x\n") == false)
        #expect(try heir("frontend x from mine\n# backend y\n") == false)
        #expect(try heir("") == false)
    }

    @Test("the administrator's own limit for old workers stands")
    func hardStop() throws {
        #expect(try HAProxyText(Array("global\n hard-stop-after 1h\n".utf8), path: "cfg").hasHardStop)
        #expect(try HAProxyText(Array((part(["a=192.0.2.1:1"])).utf8), path: "cfg").hasHardStop == false)
        let plan = try LoadBalancerPlanTests.plan(["a=192.0.2.1:1"])
        let text = HAProxyPart(plan: plan, layout: HAProxyLayout(), hasHardStop: true).text
        #expect(!text.contains("hard-stop-after"))
    }

    @Test("each trust has its own way to be sure of a node")
    func servers() throws {
        var plan = try LoadBalancerPlanTests.plan(["a=192.0.2.1:1", "b=127.0.0.1:2", "c=c.example:3", "d=192.0.2.4:4"])
        plan.nodes[2].trust = .authority
        let lines = HAProxyPart(plan: plan, layout: HAProxyLayout()).text.split(separator: "\n")
            .filter { $0.contains(" server ") && $0.contains(" cookie ") }
            .map { $0.drop { $0 == " " } }
        // Where they only wait, it is known from the links whether they live.
        let waiting = plan.nodes.map { " track knocknoc_links/\($0.name)" }
        #expect(lines.suffix(4) == zip(lines, waiting).map { $0.replacing(" cookie", with: "\($1) cookie") })
        #expect(
            lines.prefix(4) == [
                "server a 192.0.2.1:1 ssl verify required ca-file /etc/haproxy/knocknoc/node-a.pem cookie a",
                "server b 127.0.0.1:2 cookie b",
                "server c c.example:3 ssl verify required ca-file @system-ca verifyhost c.example sni str(c.example) "
                    + "init-addr last,libc,none cookie c",
                "server d 192.0.2.4:4 ssl verify required ca-file /etc/haproxy/knocknoc/node-d.pem cookie d",
            ])
    }

    @Test("without TLS there is neither a secure cookie nor a redirect")
    func plain() throws {
        var plan = try LoadBalancerPlanTests.plan(["a=192.0.2.1:1"])
        plan.front = .http
        let text = HAProxyPart(plan: plan, layout: HAProxyLayout()).text
        #expect(text.contains("    bind 0.0.0.0:80\n") && !text.contains("redirect") && !text.contains("ssl crt"))
        #expect(text.contains("X-Forwarded-Proto http\n") && !text.contains("__Host-") && !text.contains(" secure"))
        plan.front = .tls(certificate: "/x.pem")
        plan.binds = [FrontAddress(.v4(0), port: 8443)]
        #expect(!HAProxyPart(plan: plan, layout: HAProxyLayout()).text.contains(":80\n"))
    }
}

extension HAProxyText {
    /// As `knocker haproxy` reads it.
    init(_ bytes: [UInt8], path: String) throws(SystemError) {
        try self.init(bytes, path: path, marks: HAProxyLayout.marks)
    }
}
