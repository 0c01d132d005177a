import KnocknocAccess
import KnocknocModel
import Testing

@testable import KnocknocServer

@Suite("Forms of the administration")
struct FormTests {
    @Test(
        "lengths of time are read as people write them",
        arguments: [("8h", 28_800), ("1h 30m", 5400), ("45 s", 45), ("2d", 172_800), ("90m", 5400), ("0s", 0)])
    func durations(_ text: String, _ seconds: Int64) { #expect(DurationText.seconds(text) == seconds) }

    @Test("what says no length of time is refused", arguments: ["8", "h", "", "8x", "-5m", "9999999999h", "8h 3"])
    func notDurations(_ text: String) { #expect(DurationText.seconds(text) == nil) }

    @Test(
        "a length of time may be left out, and says what is wrong with it",
        arguments: [("", nil), ("0s", "leave it empty"), ("8", "write it as")])
    func duration(_ typed: String, _ said: String?) {
        var errors = FormErrors()
        #expect(FormValues(["d": [typed]]).duration("d", &errors) == nil)
        #expect(errors.fields["d"].map { $0.contains(said ?? "\n") } == said.map { _ in true })
    }

    @Test("what is written is read back", arguments: [0, 45, 60, 3600, 5400, 86_399, 172_800] as [Int64])
    func roundTrip(_ seconds: Int64) { #expect(DurationText.seconds(DurationText.text(seconds: seconds)) == seconds) }

    @Test("every backend comes back from its form as it was")
    func backends() throws {
        let backends: [Backend] = [
            .dryRun,
            .nftablesGuard(NFTablesGuard(protocol: .udp, ports: [53, 5353], loopback: true, trialSeconds: 0)),
            .nftablesGuard(
                NFTablesGuard(
                    protocol: .tcp, ports: [9000], forward: true, destinations: [try CIDR(parsing: "192.0.2.0/24")],
                    interfaces: ["eth0"], trialSeconds: 90)),
            .nftablesSet(NFTablesSet(family: .inet, table: "filter", ipv4: "allow4", ipv6: "allow6")),
            .nftablesSet(
                NFTablesSet(family: .ip6, table: "t", ipv4: nil, ipv6: "allow6", protocol: .tcp, ports: [22])),
        ]
        for backend in backends {
            var values = FormValues()
            BackendForm.fill(&values, from: backend) { "x." + $0 }
            var errors = FormErrors()
            #expect(BackendForm.backend(values, { "x." + $0 }, &errors) == backend)
            #expect(errors.isEmpty)
        }
    }

    @Test(
        "a wrong field of a backend is named",
        arguments: [
            (["backend": "guard", "ports": "0"], "ports"), (["backend": "guard", "ports": "70000"], "ports"),
            (["backend": "guard", "ports": ""], "ports"),
            (["backend": "guard", "ports": "22", "destinations": "nowhere"], "destinations"),
            (["backend": "guard", "ports": "22", "trial_seconds": "60"], "trial_seconds"),
            (["backend": "guard", "ports": "22", "forward": "true"], "forward"),
            (["backend": "guard", "ports": "22", "interfaces": "a;b"], "interfaces"),
            (["backend": "set", "table": "a b", "ipv4": "x"], "table"),
            (["backend": "set", "table": "t"], "ipv4"), (["backend": "set", "table": "t", "ipv4": "drop"], "ipv4"),
        ])
    func wrongBackend(_ typed: [String: String], _ field: String) {
        var errors = FormErrors()
        let backend = BackendForm.backend(FormValues(typed.mapValues { [$0] }), { $0 }, &errors)
        #expect(backend == nil)
        #expect(Array(errors.fields.keys) == [field])
        #expect(errors.fields[field]?.isEmpty == false)
        for name in ["guard", "set", "ports:"] { #expect(errors.fields[field]?.hasPrefix(name) == false) }
    }

    @Test("agents that are not chosen do not appear in what a Knoc's form says")
    func places() {
        let one = AgentID(value: 1)
        let two = AgentID(value: 2)
        let values = FormValues([
            "at.\(one).0.backend": ["dry-run"], "at.\(two).0.backend": ["none"], "at.nobody.0.backend": ["dry-run"],
        ])
        var errors = FormErrors()
        #expect(EnforcementForm.specs(values, &errors).map(\.agentID) == [one])
    }

    @Test("a field comes back with what was typed and its error, tied to it for screen readers; a password never does")
    func fields() throws {
        let values = FormValues(["name": ["<b>"], "password": ["geheim-geheim"]])
        let name = Field.text("name", "Name", required: true).hint("A hint.").filled(
            from: values, errors: ["name": "Taken."])
        let password = Field.password("password", "Password", new: true).filled(from: values, errors: [:])
        let page = SignInPage(
            frame: Samples.frame(), heading: "H", lead: "L", action: "/x", fields: [name, password], submit: "Go")
        let html = try Renderer().text("sign-in", page)
        #expect(html.contains("value=\"&lt;b&gt;\""))
        #expect(html.contains("aria-invalid=\"true\" aria-describedby=\"f-name-error f-name-hint\""))
        #expect(html.contains("Taken."))
        #expect(!html.contains("geheim"))
    }
}
