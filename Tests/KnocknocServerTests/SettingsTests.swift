import Foundation
import KnocknocAccess
import KnocknocModel
import Logging
import Testing

@testable import KnocknocServer

@Suite("The server's settings")
struct SettingsTests {
    private func settings(
        _ text: String, flags: [SettingKey: String] = [:], variables: [String] = []
    ) throws -> ServerSettings {
        let file = Settings(reading: text, name: "knocknoc.conf", keys: ServerSettings.Key.all)
        var strong = Settings()
        for (key, text) in flags { strong[key] = .init(text, place: key.flag) }
        strong.refuseUnknown(
            variables: variables, prefix: ServerSettings.environmentPrefix, keys: ServerSettings.Key.all,
            isForeign: ServerSettings.isForeign)
        return try ServerSettings(settings: strong.over(file), hostName: "web-1", workingDirectory: "/srv")
    }

    private func problems(_ text: String, variables: [String] = []) -> String {
        do {
            _ = try settings(text, variables: variables)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("what is not said has its standard value")
    func standard() throws {
        let settings = try settings("DatabaseURL = postgres://knocknoc@db/knocknoc")
        #expect(settings.listen.description == "127.0.0.1:8756")
        #expect(settings.trustedForwarders.map(\.description) == ["127.0.0.1/32"])
        #expect(settings.nodeName == "web-1")
        #expect(!settings.allInOne && !settings.insecureHTTP && settings.tls == .none)
    }

    @Test("a data directory alone means the all-in-one, relative to where the command was given")
    func dataDirectory() throws {
        let settings = try settings("", flags: [ServerSettings.Key.dataDir: ".knocknoc/"])
        #expect(settings.allInOne)
        #expect(settings.databaseURL == "sqlite:///srv/.knocknoc/knocknoc.db")
    }

    @Test("a way past a pooler goes with a Postgres")
    func listenURL() throws {
        let url = "postgres://knocknoc:s3cret@db/knocknoc"
        #expect(try settings("DatabaseURL = postgres://pooler/knocknoc\nListenURL = \(url)").listenURL == url)
        #expect(!problems("DataDir = /a\nListenURL = \(url)").contains("s3cret"))
    }

    private static let key = String(repeating: "0f", count: 32)
    private static let sameKey = "Dw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8"
    private static let otherKey = String(repeating: "A", count: 43)

    @Test("the key is taken from the file or out of the connection string, where nobody finds it afterwards")
    func encryptionKey() throws {
        let key = try #require(EncryptionKey(Self.key))
        #expect(try settings("DataDir = /a").keyProtection == .notGiven)
        #expect(try settings("DataDir = /a\nEncryptionKey = none").keyProtection == .unwrapped)
        #expect(try settings("DataDir = /a\nEncryptionKey = \(Self.sameKey)").keyProtection == .wrapped(key))
        let url = "postgres://u:p@db/knocknoc?sslmode=require&knocknoc_key=\(Self.sameKey)"
        let carried = try settings("DatabaseURL = \(url)")
        #expect(carried.keyProtection == .wrapped(key))
        #expect(carried.databaseURL == "postgres://u:p@db/knocknoc?sslmode=require")
        #expect(try settings("DatabaseURL = \(url)\nEncryptionKey = \(Self.key)").keyProtection == .wrapped(key))
        var dumped = ""
        dump(carried, to: &dumped)
        #expect(!"\(carried) \(dumped)".contains("Dw8P") && !dumped.contains("15\n"))
    }

    @Test(
        "a key that cannot be is refused without being repeated",
        arguments: [
            ("DataDir = /a\nEncryptionKey = s3cret", "knocknoc.conf:2: EncryptionKey: the value cannot be used"),
            ("DatabaseURL = postgres://db/d?knocknoc_key=s3cret", "knocknoc.conf:1: DatabaseURL: its knocknoc_key"),
            (
                "DatabaseURL = postgres://db/d?knocknoc_key=\(sameKey)\nEncryptionKey = \(otherKey)",
                "knocknoc.conf:2: EncryptionKey is not the knocknoc_key in DatabaseURL"
            ),
        ])
    func badKey(_ text: String, _ expected: String) {
        let said = problems(text)
        #expect(said.contains(expected), "\(said)")
        #expect(!said.contains("s3cret") && !said.contains("AAAA") && !said.contains("Dw8P"))
    }

    @Test("a flag beats the file")
    func layers() throws {
        let settings = try settings("DataDir = /a\nListen = 0.0.0.0:1", flags: [ServerSettings.Key.listen: "[::1]:2"])
        #expect(settings.listen == ListenAddress(host: "::1", port: 2))
    }

    @Test(
        "a line that cannot be is named with its place and what was expected",
        arguments: [
            ("DataDir = /a\nLissten = 1.2.3.4:5", "knocknoc.conf:2: unknown key \"Lissten\"; did you mean Listen?"),
            ("DataDir = /a\nListen = 8756", "knocknoc.conf:2: Listen: \"8756\" cannot be used; expected HOST:PORT"),
            ("DataDir = /a\nListen = h:99999", "expected HOST:PORT"),
            ("DataDir = /a\nTrustedForwarders = 10.0.0.1/8", "did you mean 10.0.0.0/8?"),
            ("DataDir = /a\nTrustedForwarders = 0.0.0.0/0", "AllowAnyForwarder = true"),
            ("DataDir = /a\nTLSKey = /k.pem", "TLSKey is given without TLSCertificate"),
            ("DataDir = /a\nTLSSAN = a.example", "TLSSelfSigned = true"),
            ("DataDir = /a\nLogLevel = loud", "expected one of trace"),
            ("DataDir = /a\nInsecureHTTP = maybe", "expected true or false"),
            ("DataDir = /a\nPublicURL = wiki.example", "expected https://HOST"),
            ("DataDir = /a\nProbeURLs = https://v4.a.example", "knocknoc.conf:2: ProbeURLs needs PublicURL"),
            ("DataDir = /a\nPublicURL = https://a.example\nProbeURLs = http://v4.a.example", "blocked by browsers"),
            ("DataDir = /a\nPublicURL = https://a.example\nProbeURLs = https://a.example:8443", "is PublicURL's own"),
            ("DataDir = /a\nPublicURL = https://a.example\nProbeURLs = v4.a.example", "expected https://HOST"),
            (
                "DataDir = /a\nPublicURL = https://a.example\nProbeURLs = https://b.example, https://b.example",
                "at most 4 different ones"
            ),
            (
                "DataDir = /a\nAllowAgents = false",
                "knocknoc.conf:2: AllowAgents: false keeps out the agent that AllInOne"
            ),
            ("DataDir = /a\nDrainSeconds = -1", "seconds from 0 to 300"),
            ("DataDir = /a\nListen", "knocknoc.conf:2"),
            ("Zone = a", "DatabaseURL is missing"),
            ("DataDir = data", "knocknoc.conf:1: DataDir: \"data\" is relative"),
            ("DatabaseURL = postgres://h/d\nListenURL = h", "knocknoc.conf:2: ListenURL: the value cannot be used"),
            ("DataDir = /a\nListenURL = postgres://h/d", "with a Postgres DatabaseURL"),
            ("DatabaseURL = mysql://h/d", "knocknoc.conf:1: DatabaseURL: expected postgres://…"),
            ("Zone = a\nDatabaseURL = postgres://h:0/d", "knocknoc.conf:2: DatabaseURL: port: \"0\" cannot be used"),
            ("DatabaseURL = postgres://h/d\nListenURL = postgres://h/d?x=y", "knocknoc.conf:2: ListenURL: invalid URI"),
        ])
    func wrong(_ text: String, _ expected: String) { #expect(problems(text).contains(expected)) }

    @Test("everything that is wrong is said at once, flags and environment first, a file by its lines")
    func allAtOnce() {
        let text = "Listen = 8756\nnonsense\nLogLevle = info\nDataDir = /a\nDrainSeconds = soon\nListen = 1.2.3.4:5"
        let lines = problems(text, variables: ["KNOCKNOC_LISTN", "PATH"]).split(separator: "\n").map(String.init)
        let places = lines.map { $0.prefix { $0 != " " } }
        #expect(
            places == [
                "environment", "knocknoc.conf:1:", "knocknoc.conf:2:", "knocknoc.conf:3:", "knocknoc.conf:5:",
                "knocknoc.conf:6:",
            ], "\(lines)")
    }

    @Test(
        "a variable of ours that names no key is refused, one of the agent's or of a test is not",
        arguments: [
            ("KNOCKNOC_LISTN", "did you mean KNOCKNOC_LISTEN?"), ("KNOCKNOC_DATABASE", "expected one of KNOCKNOC_"),
            ("KNOCKNOC_LISTEN", ""), ("KNOCKNOC_AGENT_TOKEN", ""), ("KNOCKNOC_ROLE", ""), ("KNOCKNOC_BIN", ""),
            ("KNOCKNOC_AGENT_URL", ""), ("OTHER_LISTN", ""),
        ])
    func variables(_ name: String, _ expected: String) {
        let text = problems("DataDir = /a", variables: [name])
        #expect(expected.isEmpty ? text.isEmpty : text.contains(expected) && text.contains("environment \(name):"))
    }

    @Test("tokens of agents are kept as hashes, however they are given")
    func agentTokens() throws {
        let token = "kna_" + String(repeating: "x", count: 43)
        let hash = try #require(AgentTokenList.hashes(token)?.first)
        let text = hash.map { String(format: "%02x", $0) }.joined()
        let other = String(repeating: "0f", count: 32)
        let given = try settings("DataDir = /a\nAgentTokens = \(token), sha256:\(other) sha256:\(text.uppercased())")
        #expect(given.agentTokens == [hash, Array(repeating: 0x0f, count: 32)])
        for wrong in ["short", "sha256:\(other.dropLast())", "sha256:\(other.dropLast())x", "\(token) short"] {
            let said = problems("DataDir = /a\nAgentTokens = \(wrong)")
            #expect(said.contains("AgentTokens: the value cannot be used") && !said.contains(wrong), "\(said)")
        }
        #expect(try settings("DataDir = /a\nDownloadDir = /srv/agents/").downloadDirectory == "/srv/agents")
        #expect(problems("DataDir = /a\nDownloadDir = agents").contains("expected an absolute path"))
    }

    @Test("any forwarder at all needs a word of its own")
    func anyForwarder() throws {
        let settings = try settings("DataDir = /a\nTrustedForwarders = ::/0\nAllowAnyForwarder = true")
        #expect(settings.trustedForwarders.map(\.description) == ["::/0"])
    }
}
