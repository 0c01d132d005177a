import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("A new agent's page")
struct TokenPageTests {
    static func address(
        agentURL: String? = nil, publicURL: String? = nil, listen: String = "0.0.0.0", port: Int = 8756,
        tls: ServerSettings.TLS = .selfSigned(names: ["Node.test", "192.0.2.11", "2001:DB8:0::11"]),
        local: String? = "192.0.2.11", allowAgents: Bool = true
    ) -> AgentAddress {
        var settings = ServerSettings(
            listen: ListenAddress(host: listen, port: port), databaseURL: "sqlite:///nowhere",
            dataDirectory: "/nowhere", nodeName: "test")
        (settings.tls, settings.allowAgents) = (tls, allowAgents)
        settings.agentURL = agentURL.flatMap(WebOrigin.init)
        settings.publicURL = publicURL.flatMap(WebOrigin.init)
        return AgentAddress(settings, local: local.flatMap { IPAddress($0) }, fingerprint: "ab12")
    }

    @Test(
        "a configured address gets this node's fingerprint where it is this node's own, and no other does",
        arguments: [
            ("https://node.test:8756", true), ("https://192.0.2.11:8756", true), ("https://[2001:db8::11]:8756", true),
            ("https://localhost:8756", true),
            // A load balancer's port, a load balancer's name, another node, no certificate at all.
            ("https://node.test", false), ("https://portal.test:8756", false), ("https://192.0.2.12:8756", false),
            ("http://node.test:8756", false),
        ])
    func configured(_ url: String, _ isOwn: Bool) {
        for address in [
            Self.address(publicURL: url), Self.address(agentURL: url), Self.address(publicURL: url, local: "127.0.0.1"),
            Self.address(agentURL: url, publicURL: isOwn ? "https://portal.test" : "https://node.test:8756"),
        ] {
            #expect(address.url.description == url)
            #expect((address.fingerprint == "ab12") == isOwn, "\(address)")
        }
        #expect(Self.address(publicURL: "https://node.test", port: 443).fingerprint == "ab12")
        #expect(Self.address(publicURL: "https://192.0.2.9:8756", listen: "192.0.2.9").fingerprint == "ab12")
        let files = ServerSettings.TLS.files(certificate: "/c", key: "/k")
        #expect(Self.address(publicURL: url, tls: files).fingerprint == nil)
    }

    @Test("without a configured address it is this node as its administrator reached it, by its own scheme")
    func unconfigured() {
        let secure = Self.address()
        #expect(secure.url.description == "https://192.0.2.11:8756" && secure.fingerprint == "ab12")
        let plain = Self.address(tls: .none)
        #expect(plain.url.description == "http://192.0.2.11:8756" && plain.fingerprint == nil)
    }

    @Test("the page pins what is known, says what is not, and warns of a loopback address")
    func page() throws {
        let renderer = try Renderer()
        func text(_ address: AgentAddress) throws -> String {
            try renderer.text(
                "agent-token",
                TokenPage(
                    frame: Samples.frame(), heading: Heading(title: "Agent"),
                    install: AgentInstall(token: "t", address: address, architectures: []), done: "/"))
        }
        let own = try text(Self.address(local: "127.0.0.1"))
        #expect(own.contains("\nTLSFingerprint = ab12\n"))
        #expect(own.contains("\nexport KNOCKNOC_AGENT_TLS_FINGERPRINT=ab12\n"))
        #expect(own.contains("\n      KNOCKNOC_AGENT_TLS_FINGERPRINT: \"ab12\"\n"))
        #expect(!own.contains("Neither"))
        #expect(own.contains("Only this machine reaches") && own.contains("this node's own certificate"))
        #expect(own.contains("\nRestartPreventExitStatus=78 2\n") && own.contains("WantedBy=sysinit.target"))
        let other = try text(Self.address(publicURL: "https://portal.test"))
        #expect(!other.contains("ab12") && other.contains("cannot tell which certificate"))
        #expect(!other.contains("Only this machine reaches"))
        #expect(!other.contains("Neither"))
        #expect(try text(Self.address()).contains("Neither <code>PublicURL"))
        let plain = try text(Self.address(tls: .none))
        #expect(!plain.contains("FINGERPRINT") && !plain.contains("TLSFingerprint"))
    }
}
