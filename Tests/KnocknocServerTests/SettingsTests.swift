import KnocknocModel
import Logging
import Testing

@testable import KnocknocServer

@Suite("The server's settings")
struct SettingsTests {
    private func settings(_ text: String, flags: [SettingKey: String] = [:]) throws -> ServerSettings {
        let file = try Settings(
            file: ConfigurationFile(parsing: text, name: "knocknoc.conf"), keys: ServerSettings.Key.all)
        var strong = Settings()
        for (key, text) in flags { strong[key] = .init(text, place: key.flag) }
        return try ServerSettings(settings: strong.over(file), hostName: "web-1", workingDirectory: "/srv")
    }

    private func problems(_ text: String) -> String {
        do {
            _ = try settings(text)
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
            ("DataDir = /a\nTrustedForwarders = 10.0.0.1/8", "expected networks"),
            ("DataDir = /a\nTrustedForwarders = 0.0.0.0/0", "AllowAnyForwarder = true"),
            ("DataDir = /a\nTLSKey = /k.pem", "TLSKey is given without TLSCertificate"),
            ("DataDir = /a\nTLSSAN = a.example", "TLSSelfSigned = true"),
            ("DataDir = /a\nLogLevel = loud", "expected one of trace"),
            ("DataDir = /a\nInsecureHTTP = maybe", "expected true or false"),
            ("DataDir = /a\nPublicURL = wiki.example", "expected https://HOST"),
            ("DataDir = /a\nDrainSeconds = -1", "seconds from 0 to 300"),
            ("DataDir = /a\nListen", "knocknoc.conf:2"),
            ("Zone = a", "DatabaseURL is missing"),
        ])
    func wrong(_ text: String, _ expected: String) { #expect(problems(text).contains(expected)) }

    @Test("any forwarder at all needs a word of its own")
    func anyForwarder() throws {
        let settings = try settings("DataDir = /a\nTrustedForwarders = ::/0\nAllowAnyForwarder = true")
        #expect(settings.trustedForwarders.map(\.description) == ["::/0"])
    }
}
