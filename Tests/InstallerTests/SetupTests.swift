import Foundation
import KnocknocAccess
import KnocknocIdentity
import KnocknocModel
import KnocknocStore
import Logging
import Testing

import struct KnocknocCertificates.SelfSignedCertificate
import struct KnocknocSystem.SystemError
import struct KnocknocSystem.SystemFile
import enum KnocknocSystem.SystemFolder

@testable import KnocknocInstaller
@testable import KnocknocToolkit

@Suite(
    "a whole set-up in a folder", .timeLimit(.minutes(3)),
    .enabled(if: PostgresServer.isInstalled, "no PostgreSQL server is installed"))
struct SetupTests {
    private static let ports = (0..<2).map { _ in (try? FreePort.find()) ?? 0 }
    private static let listen = "127.0.0.1:\(ports[0])"

    @Test("a new site on a database with a limited role, then a second node with the string alone")
    func newThenExisting() async throws {
        let name = try await TestSite.emptyDatabase()
        let url = try await TestSite.url(name, "?sslmode=require")
        let first = TestSite.machine()
        let made = try await TestSite.setUp(first, [Self.listen, "", "2", url])
        let key = try #require(try KeyFile(first).key())
        let text = try #require(try SystemFile(first.configuration).text())
        #expect(text.contains("DatabaseURL = \(url)\n") && text.contains("Listen = \(Self.listen)\n"))
        #expect(!text.contains(key.text) && !text.contains("TLS"))
        #expect(try SystemFile(first.configuration).attributes()?.mode == 0o640)
        #expect(try SystemFile(first.encryptionKey).attributes()?.mode == 0o600)
        #expect(made.results.contains("Portal: http://\(Self.listen)/"))
        let code = try #require(made.results.last?.split(separator: "#").last.map(String.init))
        #expect(made.results.last?.contains("http://\(Self.listen)/admin/setup#") == true)
        #expect(!made.screen.contains(TestSite.encodedPassword) && !made.screen.contains(key.text))
        #expect(made.screen.contains("There is no systemd with the unit"))

        // The link works, and so does the key.
        try await with(url) { access in
            try await access.unlock(.wrapped(key))
            let context = RequestContext(client: .refused(nil, reason: "test"), requestID: "test")
            _ = try await access.redeem(setUp: code, name: "root", password: "a long password", context)
        }

        let second = TestSite.machine()
        let string = url + "&knocknoc_key=\(key.text)"
        let joined = try await TestSite.setUp(
            second, ["0.0.0.0:\(Self.ports[0])", "192.168.100.1/32", "3", string], enters: 3)
        let other = try #require(try SystemFile(second.configuration).text())
        #expect(other.contains("DatabaseURL = \(url)\n") && !other.contains("knocknoc_key"))
        #expect(other.contains("TLSSelfSigned = true\n") && other.contains("TrustedForwarders = 192.168.100.1/32\n"))
        #expect(try KeyFile(second).key() == key)
        // There is an administrator already.
        #expect(!joined.screen.contains("/admin/setup"))
        #expect(joined.results.last?.hasSuffix("/admin") == true)

        // The first choice again is refused now, and nothing of the site was changed.
        let third = TestSite.machine()
        await #expect(throws: SetupError.self) {
            try await TestSite.setUp(third, [Self.listen, "", "2", url], enters: 0)
        }
        #expect(!SystemFile(third.configuration).exists && !SystemFile(third.encryptionKey).exists)
        for layout in [first, second, third] { try? FileManager.default.removeItem(atPath: layout.root) }
    }

    @Test("run again, nothing changes but what is answered differently; comments stay")
    func again() async throws {
        let url = try await TestSite.url(try await TestSite.emptyDatabase(), "?sslmode=require")
        let layout = TestSite.machine()
        try await TestSite.setUp(layout, [Self.listen, "", "2", url])
        let file = SystemFile(layout.configuration)
        let text = try #require(try file.text()) + "# by hand\nZone = east\n"
        try file.replace(with: text, keepingBackup: false)
        let key = try KeyFile(layout).key()
        let same = try await TestSite.setUp(layout, [], enters: 5)
        #expect(try file.text() == text && !file.backup.exists)
        #expect(try KeyFile(layout).key() == key)
        #expect(same.screen.contains("Found \(layout.configuration)"))
        #expect(same.screen.contains("\(layout.configuration) stays as it is"))
        var options = Setup.Options()
        options.listen = "127.0.0.1:\(Self.ports[1])"
        options.isInteractive = false
        try await TestSite.setUp(layout, [], enters: 0, options: options)
        #expect(try file.text() == text.replacing(Self.listen, with: "127.0.0.1:\(Self.ports[1])"))
        #expect(try file.backup.text() == text)
        try? FileManager.default.removeItem(atPath: layout.root)
    }

    @Test("where a step fails, nothing is left: no file, no key, no table")
    func undone() async throws {
        struct Broken: Error {}
        let name = try await TestSite.emptyDatabase()
        let url = try await TestSite.url(name, "?sslmode=require")
        let layout = TestSite.machine()
        await #expect(throws: Broken.self) {
            try await TestSite.setUp(layout, [Self.listen, "", "2", url]) { _, _ in throw Broken() }
        }
        #expect(!SystemFile(layout.configuration).exists && !SystemFile(layout.encryptionKey).exists)
        #expect(try await SiteProbe.look(at: try DatabaseURL(url)).schema == nil)
        // A second try begins as the first did.
        try await TestSite.setUp(layout, [Self.listen, "", "2", url])
        #expect(SystemFile(layout.configuration).exists)
        try? FileManager.default.removeItem(atPath: layout.root)
    }

    @Test("a schema that cannot be made leaves nothing to put back by hand")
    func unmade() async throws {
        let name = try await TestSite.emptyDatabase()
        // In the way of the first migration, and no table.
        try await TestSite.server.value.sql(
            """
            create schema knocknoc authorization owner;
            create function knocknoc.knocknoc_now() returns int language sql as 'select 1';
            """, database: name)
        let layout = TestSite.machine()
        let terminal = PaperTerminal(
            [Self.listen, "", "2", try await TestSite.url(name, "?sslmode=require")], enters: 4)
        await #expect(throws: StoreError.self) {
            try await Setup(
                Setup.Options(), layout: layout, terminal: terminal, console: terminal, nodeName: "web",
                checkConfiguration: TestSite.check
            ).run()
        }
        #expect(terminal.screen.contains("Undoing: Making Knocknoc's tables"), "\(terminal.screen)")
        #expect(!terminal.screen.contains("by hand"), "\(terminal.screen)")
        #expect(!SystemFile(layout.configuration).exists && !SystemFile(layout.encryptionKey).exists)
        try? FileManager.default.removeItem(atPath: layout.root)
    }

    @Test("a database in a file, with secrets unwrapped by choice, without a question")
    func embedded() async throws {
        let layout = TestSite.machine()
        var options = Setup.Options()
        options.source = "embedded"
        options.isUnwrapped = true
        options.isInteractive = false
        options.listen = Self.listen
        options.publicURL = "https://knock.example"
        let made = try await TestSite.setUp(layout, [], enters: 0, options: options)
        let text = try #require(try SystemFile(layout.configuration).text())
        #expect(text.contains("DatabaseURL = sqlite://\(layout.data)/knocknoc.db\n"))
        #expect(text.contains("EncryptionKey = none\n") && text.contains("PublicURL = https://knock.example\n"))
        #expect(made.results.first == "Portal: https://knock.example/" && made.prompts.isEmpty)
        try await with("sqlite://\(layout.data)/knocknoc.db") { access in
            try await access.unlock(.notGiven)
            _ = try access.dataKey()
        }
        #expect(try KeyFile(layout).key() == nil && SystemFile(layout.encryptionKey).exists)
        try? FileManager.default.removeItem(atPath: layout.root)
    }

    @Test("a certificate that is none is refused before anything is asked")
    func certificate() async throws {
        let layout = TestSite.machine()
        var options = Setup.Options()
        let (file, key) = (layout.root + "/cert.pem", layout.root + "/key.pem")
        options.certificate = (file, key)
        try SystemFolder.make(layout.root, mode: 0o700)
        let made = try SelfSignedCertificate(names: ["knock.example"])
        var said: [String] = []
        for (one, two) in [(nil, nil), ("nonsense", made.key), (made.certificate, "nonsense")] as [(String?, String?)] {
            if let one { try SystemFile(file).replace(with: one) }
            if let two { try SystemFile(key).replace(with: two) }
            let terminal = PaperTerminal([])
            let setup = Setup(
                options, layout: layout, terminal: terminal, console: terminal, nodeName: "web",
                checkConfiguration: TestSite.check)
            let error = await #expect(throws: SetupError.self) { try await setup.run() }
            said.append(error?.message ?? "")
            #expect(terminal.prompts.isEmpty)
        }
        #expect(said == ["there is no file \(file)", "\(file) has no certificate in PEM", "\(key) has no key in PEM"])
        try SystemFile(key).replace(with: made.key)
        options.source = "embedded"
        options.isInteractive = false
        options.listen = Self.listen
        try await TestSite.setUp(layout, [], enters: 0, options: options)
        let text = try SystemFile(layout.configuration).text() ?? ""
        #expect(text.contains("TLSCertificate = \(file)\n") && text.contains("TLSKey = \(key)\n"))
        try? FileManager.default.removeItem(atPath: layout.root)
    }

    @Test("a site without any key is joined without one")
    func keyless() async throws {
        let url = try await TestSite.url(try await TestSite.emptyDatabase(), "?sslmode=require")
        let database = try DatabaseFactory.open(
            url: url, serverLock: false, patience: .seconds(60), logger: TestSite.logger)
        try await Migrator(database, logger: TestSite.logger).migrate()
        await database.close()
        let layout = TestSite.machine()
        let joined = try await TestSite.setUp(layout, [Self.listen, "", "3", url], enters: 2)
        #expect(try KeyFile(layout).key() == nil && SystemFile(layout.encryptionKey).exists)
        // Nobody can administer this site yet.
        #expect(joined.screen.contains("/admin/setup#"))
        let state = try await SiteProbe.look(at: try DatabaseURL(url)).schema?.dataKey
        #expect(state == SiteFacts.DataKeyState.none)
        try? FileManager.default.removeItem(atPath: layout.root)
    }

    @Test("two commands do not change the configuration at once", .enabled(if: geteuid() == 0, "needs root"))
    func locked() async throws {
        let layout = TestSite.machine()
        var options = Setup.Options()
        (options.source, options.listen, options.isInteractive) = ("embedded", Self.listen, false)
        try await SystemFile(layout.configuration).locked {
            let error = await #expect(throws: SystemError.self) {
                try await TestSite.setUp(layout, [], enters: 0, options: options)
            }
            #expect(error?.code == .busy)
        }
        #expect(!SystemFile(layout.configuration).exists)
        try await TestSite.setUp(layout, [], enters: 0, options: options)
        #expect(SystemFile(layout.configuration).exists)
        try? FileManager.default.removeItem(atPath: layout.root)
    }

    private func with(_ url: String, _ body: (Access) async throws -> Void) async throws {
        let database = try DatabaseFactory.open(
            url: url, serverLock: false, patience: .seconds(60), logger: TestSite.logger)
        let hasher = PasswordHasher(cost: PasswordCost(memory: 8192, passes: 1))
        let access = Access(database: database, hasher: hasher, node: "test", logger: TestSite.logger)
        let result: Result<Void, any Error>
        do { result = .success(try await body(access)) } catch { result = .failure(error) }
        await database.close()
        try result.get()
    }
}
