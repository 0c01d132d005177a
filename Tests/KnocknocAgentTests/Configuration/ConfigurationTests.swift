import KnocknocEnforcement
import KnocknocModel
import NIOCore
import Testing

@testable import KnocknocAgent

@Suite("the agent's configuration")
struct ConfigurationTests {
    private let good = """
        # the agent of gateway 1
        ServerURL = https://knoc.example.org, https://[2001:db8::1]:8443/sub/   # two nodes
        Token = kna_0123456789abcdef
        NeverGuard = 22, 2222
        AlwaysAllow = 192.0.2.0/24,2001:db8::/32
        """

    private func read(
        _ text: String, token: (String) throws(AgentError) -> String = { _ in "" }
    ) throws -> AgentConfiguration {
        let file = try ConfigurationFile(parsing: text, name: "knocknoc.conf")
        return try AgentConfiguration(
            settings: Settings(file: file, keys: AgentConfiguration.Key.all), readToken: token)
    }

    private func problems(_ text: String) -> [String] {
        do {
            _ = try read(text)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test("a whole file is understood, and what it leaves out has its default")
    func whole() throws {
        let configuration = try read(good)
        #expect(
            configuration.servers.map(\.description) == ["https://knoc.example.org", "https://[2001:db8::1]:8443/sub"])
        #expect(configuration.servers[1].path == "/sub/agent/v1/link")
        #expect(configuration.neverGuard == [22, 2222])
        #expect(configuration.alwaysAllow.count == 2)
        #expect(configuration.healthListen == .init(host: "127.0.0.1", port: 8757))
        #expect(configuration.stateFile == "/var/lib/knocknoc-agent/state.json")
        #expect(configuration.keyFile == "/var/lib/knocknoc-agent/keys.json")
        #expect(configuration.guardFile == "/var/lib/knocknoc-agent/guard.nft")
        #expect(configuration.backend == .nftables)
        #expect(!configuration.createSets)
        #expect(try read(good + "\nCreateSets = true").createSets)
    }

    @Test("several fingerprints may be given, and none of them silently left out")
    func fingerprints() throws {
        let (one, two) = (String(repeating: "ab", count: 32), String(repeating: "0C", count: 32))
        let text = good + "\nTLSFingerprint = sha256:\(one), \(two)"
        #expect(
            try read(text).tlsFingerprints == [[UInt8](repeating: 0xab, count: 32), .init(repeating: 12, count: 32)])
        #expect(try read(good).tlsFingerprints.isEmpty)
        for wrong in ["\(one),\(two.dropLast())", ",", " , ,"] {
            let said = problems(good + "\nTLSFingerprint = \"\(wrong)\"")
            #expect(said.count == 1 && said.first?.contains("several separated by commas") == true, "\(said)")
        }
    }

    @Test("ceilings are read, and nothing is limited without them")
    func ceilings() throws {
        #expect(try read(good).ceilings == Ceilings())
        #expect(try read(good).maxDuration == nil)
        let configuration = try read(
            good + """

                AllowBackends = nftables, allow_list
                AllowTables = inet filter, ip6  mangle
                AllowSets = a, b
                AllowPorts = 443, 8000-8100
                MaxDuration = 12h
                MaxEntries = 500
                MaxPrefix = /56
                CustomScripts = yes
                ScriptDirectory = /opt//scripts/
                ScriptVariables = HOST, FW_*
                ScriptSeconds = 30
                """)
        #expect(
            configuration.ceilings
                == Ceilings(
                    backends: [.nftables, .allowList],
                    tables: [.init(family: .inet, name: "filter"), .init(family: .ip6, name: "mangle")],
                    sets: ["a", "b"], ports: [443...443, 8000...8100], scripts: true,
                    scriptDirectory: "/opt/scripts",
                    scriptVariables: ["HOST", "FW_*"].compactMap(Ceilings.Variables.init), entries: 500, ipv6Prefix: 56)
        )
        #expect(try (read(good).scriptSeconds, configuration.scriptSeconds) == (10, 30))
        #expect(configuration.maxDuration == 43_200_000)
        for (text, milliseconds) in [("90s", 90_000), ("1m", 60_000), ("2d", 172_800_000)] as [(String, Int64)] {
            #expect(try read(good + "\nMaxDuration = \(text)").maxDuration == milliseconds)
        }
    }

    @Test("an unknown key is refused with file, line and the key that was meant")
    func unknownKey() {
        #expect(
            problems(good + "\nServerUrl2 = x\nStateFyle = /x") == [
                "knocknoc.conf:6: unknown key \"ServerUrl2\"; did you mean ServerURL?",
                "knocknoc.conf:7: unknown key \"StateFyle\"; did you mean StateFile?",
            ])
    }

    @Test(
        "a bad value is refused with file, line and what was expected",
        arguments: [
            ("Backend = iptables", "Backend: \"iptables\" cannot be used; expected nftables or dry-run"),
            ("NeverGuard = 70000", "NeverGuard: \"70000\" cannot be used; expected ports 1 to 65535"),
            (
                "AlwaysAllow = 10.0.0.1/8",
                "AlwaysAllow: \"10.0.0.1/8\" has host bits set; did you mean 10.0.0.0/8?"
            ),
            (
                "HealthListen = 0.0.0.0:8757",
                "HealthListen: \"0.0.0.0:8757\" cannot be used; expected a loopback ADDRESS:PORT such as 127.0.0.1:8757, or none"
            ),
            ("TrustRTC = maybe", "TrustRTC: \"maybe\" cannot be used; expected true or false"),
            ("StateFile = state.json", "StateFile: \"state.json\" cannot be used; expected an absolute path or none"),
            (
                "AllowBackends = nftables, iptables",
                "AllowBackends: \"iptables\" cannot be used; expected some of nftables, ipset, haproxy, script, "
                    + "allow_list, dry-run"
            ),
            ("AllowTables = filter", "AllowTables: \"filter\" cannot be used; expected tables such as inet filter"),
            (
                "AllowPorts = 9-1",
                "AllowPorts: \"9-1\" cannot be used; expected ports 1 to 65535, or ranges such as 8000-8100"
            ),
            ("AllowSets = \",\"", "AllowSets: \",\" cannot be used; expected names, or no such line at all"),
            (
                "MaxDuration = 8",
                "MaxDuration: \"8\" cannot be used; expected a time such as 8h: a number and s, m, h or d, from 1s to "
                    + "3650d"
            ),
            ("ScriptSeconds = 0", "ScriptSeconds: \"0\" cannot be used; expected seconds from 1 to 600"),
            ("ScriptDirectory = a/b", "ScriptDirectory: \"a/b\" cannot be used; expected an absolute path"),
            (
                "ScriptVariables = HOST, fw*",
                "ScriptVariables: \"fw*\" cannot be used; expected names such as HOST, beginnings such as FW_*, or none"
            ),
            (
                "ScriptVariables = *",
                "ScriptVariables: \"*\" cannot be used; expected names such as HOST, beginnings such as FW_*, or none"
            ),
            (
                "ScriptVariables = \",\"",
                "ScriptVariables: \",\" cannot be used; expected names, or no such line at all"
            ),
            ("MaxEntries = 0", "MaxEntries: \"0\" cannot be used; expected a number from 1 to 10000000"),
            ("MaxPrefix = /24", "MaxPrefix: \"/24\" cannot be used; expected a length such as /64, from /32 to /128"),
            ("ID = gateway", "ID: \"gateway\" cannot be used; expected the agent's UUID"),
        ])
    func badValue(line: String, message: String) {
        let text = "ServerURL = https://a\nToken = kna_0123456789abcdef\n" + line
        #expect(problems(text) == ["knocknoc.conf:3: " + message])
    }

    @Test("a line that is no setting is refused, and a key given twice")
    func badLines() {
        let found = problems(
            "ServerURL https://a\nToken = kna_0123456789abcdef\nToken = kna_0123456789abcdeg\nName = \"x")
        #expect(found.count == 3)
        #expect(found.first == "knocknoc.conf:1: \"ServerURL ht…\" has no \"=\"; expected Key = value")
        #expect(found.dropFirst().first == "knocknoc.conf:3: Token is given twice; line 2 has it too, expected it once")
        #expect(found.last == "knocknoc.conf:4: Name: the closing double quote is missing")
    }

    @Test("without server and token both keys are named")
    func missing() {
        let found = problems("")
        #expect(found.count == 2)
        #expect(found.first?.contains("KNOCKNOC_AGENT_SERVER_URL") == true)
        #expect(found.last?.contains("KNOCKNOC_AGENT_TOKEN") == true)
    }

    @Test("http:// beyond this machine is refused unless InsecureHTTP says so")
    func plainHTTP() throws {
        let token = "\nToken = kna_0123456789abcdef"
        #expect(problems("ServerURL = http://knoc.example.org" + token).first?.contains("InsecureHTTP = true") == true)
        #expect(problems("ServerURL = http://10.0.0.1:8756" + token).count == 1)
        #expect(problems("ServerURL = http://127.0.0.1:8756" + token).isEmpty)
        #expect(problems("ServerURL = http://[::1]:8756" + token).isEmpty)
        #expect(problems("ServerURL = http://10.0.0.1:8756\nInsecureHTTP = true" + token).isEmpty)
    }

    @Test(
        "a URL that would carry a secret or cannot be dialed is refused",
        arguments: [
            "https://user:secret@host", "https://host?token=x", "https://host#x", "ftp://host", "https://", "host:8756",
            "https://host:0", "https://host:99999", "https://[::1", "https://ho st",
        ])
    func badURL(text: String) { #expect(ServerURL(text) == nil) }

    @Test("flag beats environment beats file, key by key")
    func layers() throws {
        let key = AgentConfiguration.Key.self
        var flags = Settings()
        flags[key.name] = .init("by flag", place: "--name")
        var environment = Settings()
        environment[key.name] = .init("by environment", place: "environment KNOCKNOC_AGENT_NAME")
        environment[key.zone] = .init("by environment", place: "environment KNOCKNOC_AGENT_ZONE")
        let file = try Settings(
            file: ConfigurationFile(parsing: "Name = f\nZone = f\nLogLevel = debug", name: "f"), keys: key.all)
        let all = flags.over(environment).over(file)
        #expect(all[key.name]?.text == "by flag")
        #expect(all[key.zone]?.text == "by environment")
        #expect(all[key.logLevel]?.text == "debug")
    }

    @Test("every key has an environment twin of the contract")
    func twins() {
        let names = AgentConfiguration.Key.all.map { $0.environmentName(prefix: "KNOCKNOC_AGENT") }
        #expect(names.contains("KNOCKNOC_AGENT_TLS_CA_FILE"))
        #expect(names.contains("KNOCKNOC_AGENT_SERVER_URL"))
        #expect(names.contains("KNOCKNOC_AGENT_STATE_FILE"))
        #expect(Set(names).count == names.count)
    }

    @Test("a bad token is refused without being shown, and a good one never shows itself")
    func secretToken() throws {
        let bad = problems("ServerURL = https://a\nToken = short-secret")
        #expect(bad.count == 1)
        #expect(bad.first?.contains("short-secret") == false)
        let configuration = try read(good)
        #expect(!"\(configuration)".contains("kna_"))
        #expect(!String(reflecting: configuration).contains("kna_"))
    }

    @Test("a token file is read, and one that cannot be read is named with the reason")
    func tokenFile() throws {
        let text = "ServerURL = https://a\nTokenFile = /run/token"
        let configuration = try read(text) { path in path == "/run/token" ? "kna_0123456789abcdef" : "" }
        #expect(configuration.token.secret == "kna_0123456789abcdef")
        #expect(throws: AgentError.self) { try AgentConfiguration.readToken("/nowhere/token") }
    }

    @Test("no state file needs a key file")
    func noState() throws {
        let base = "ServerURL = https://a\nToken = kna_0123456789abcdef\nStateFile = none"
        #expect(problems(base).first?.contains("KeyFile = /PATH") == true)
        #expect(try read(base + "\nKeyFile = /etc/keys.json").stateFile == nil)
    }

    @Test("the agent's own ports and those of a server on this machine cannot be guarded")
    func protected() async throws {
        let configuration = try read(
            "ServerURL = http://127.0.0.1:8756,https://far.example.org\nToken = kna_0123456789abcdef\nNeverGuard = 22")
        #expect(await configuration.protectedPorts().sorted() == [22, 8756, 8757])
    }

    @Test("a server by any address of this machine is on this machine")
    func ownAddress() throws {
        let devices = try System.enumerateDevices().compactMap { $0.address?.ipAddress }
        let own = devices.compactMap { IPAddress($0) }
        #expect(!own.isEmpty)
        for address in own { #expect(OwnHost.isOwn([address])) }
        #expect(!OwnHost.isOwn([.v4(0xc000_0201)]))
    }

    @Test("a token of a stronger layer stands against a weaker one's token file, and the other way round")
    func tokenLayers() throws {
        func layer(_ text: String) throws -> Settings {
            try Settings(file: ConfigurationFile(parsing: text, name: "f"), keys: AgentConfiguration.Key.all)
        }
        let server = "ServerURL = https://a\n"
        let ownFile = AgentConfiguration.merged([
            try layer(server + "TokenFile = /dev/fd/3"), try layer("Token = kna_of_another_agent_"),
        ])
        let first = try AgentConfiguration(settings: ownFile) { _ throws(AgentError) in "kna_0123456789abcdef" }
        #expect(first.token.secret == "kna_0123456789abcdef")
        let ownToken = AgentConfiguration.merged([
            try layer(server + "Token = kna_0123456789abcdef"), try layer("TokenFile = /run/other"),
        ])
        #expect(ownToken[AgentConfiguration.Key.tokenFile] == nil)
    }
}
