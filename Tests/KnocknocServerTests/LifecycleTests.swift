import Foundation
import HTTPTypes
import HummingbirdTesting
import KnocknocAccess
import KnocknocIdentity
import KnocknocModel
import KnocknocStore
import Logging
import ServiceLifecycle
import Testing

@testable import KnocknocServer

@Suite("From start to stop")
struct LifecycleTests {
    @Test("a session survives a restart")
    func restart() async throws {
        let directory = TemporaryDirectory()
        let token = Once<String>()
        try await TestSite.run(in: directory) { (site: TestSite) async throws in
            token.set(try await site.makeAlice().token)
        }
        try await TestSite.run(in: directory) { (site: TestSite) async throws in
            let bearer = ["Authorization": "Bearer \(token.value ?? "")"]
            #expect(try await site.get("/api/v1/me", headers: bearer).status == 200)
        }
    }

    @Test(
        "a wrong key, and none where one is needed, is refused at start; the right one is let in",
        .timeLimit(.minutes(1)))
    func encryptionKey() async throws {
        let directory = TemporaryDirectory()
        let key = EncryptionKey()
        try await TestSite.run(in: directory) {
            $0.keyProtection = .wrapped(key)
        } _: { (site: TestSite) async throws in
            _ = try site.server.access.dataKey()
        }
        for protection in [KeyProtection.wrapped(EncryptionKey()), .notGiven, .unwrapped] {
            var settings = ServerSettings(
                listen: ListenAddress(host: "127.0.0.1", port: 0),
                databaseURL: "sqlite://\(directory.path)/knocknoc.db", dataDirectory: directory.path, nodeName: "test")
            settings.keyProtection = protection
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let database = try DatabaseFactory.open(url: settings.databaseURL, serverLock: true, logger: logger)
            let server = try Server(settings: settings, database: database, logger: logger)
            let group = ServiceGroup(configuration: .init(services: server.services, logger: logger))
            let error = await #expect(throws: ServerError.self) { try await group.run() }
            #expect(error?.code == .encryptionKey && error?.message.contains("EncryptionKey") == true)
        }
        try await TestSite.run(in: directory) {
            $0.keyProtection = .wrapped(key)
        } _: { (site: TestSite) async throws in
            #expect(try await site.get("/health").status == 200)
        }
    }

    @Test("a port that is taken is said in words, with what to do")
    func listening() {
        let listen = ListenAddress(host: "127.0.0.1", port: 8756)
        #expect(
            HTTPService.refusal(listen, errno: EADDRINUSE)
                == "cannot listen on 127.0.0.1:8756: Address already in use; another process listens there, give "
                + "--listen another port")
        #expect(
            HTTPService.refusal(listen, errno: EACCES) == "cannot listen on 127.0.0.1:8756: Permission denied")
    }

    @Test("health says what is so")
    func health() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            let answer = try await site.get("/health")
            #expect(answer.status == 200)
            #expect(answer.text("status") == "ok" && answer.text("role") == "server" && answer.text("node") == "test")
            #expect(answer.text("db") == "ok" && (answer.json["schema"] as? Int ?? 0) >= 1)
            #expect(try await site.get("/livez").status == 200)
            #expect(try await site.get("/api/v1/ping").body == #"{"reply":"pong"}"#)
        }
        try await TestSite.run {
            $0.zone = "eu-1"
        } _: { (site: TestSite) async throws in
            #expect(try await site.get("/api/v1/ping").body == #"{"reply":"pong","zone":"eu-1"}"#)
        }
    }

    @Test("a starting server says what it waits for, and never goes back from stopping")
    func phases() {
        let phase = ServerPhase()
        #expect(phase.value != .ready)
        phase.set(.ready)
        phase.set(.draining)
        phase.set(.ready)
        #expect(phase.value == .draining)
    }

    @Test("a server listens when it is ready, or after a while", .timeLimit(.minutes(1)))
    func waiting() async {
        let phase = ServerPhase()
        #expect(await phase.waitUntilReady(within: .milliseconds(1)) == false)
        async let isReady = phase.waitUntilReady(within: .seconds(600))
        await Task.yield()
        phase.set(.ready)
        #expect(await isReady)
        #expect(await phase.waitUntilReady(within: .zero))
    }

    @Test("a node that drains says so, answers, and asks that its connections are not used again")
    func draining() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            #expect(try await site.get("/api/v1/ping").header("Connection") == nil)
            site.server.phase.set(.draining)
            for (path, status) in [("/health", 503), ("/livez", 200), ("/api/v1/ping", 200), ("/nowhere", 404)] {
                let connection = site.connection()
                let answer = try await site.send(.get, path, over: connection)
                #expect(answer.status == status && answer.header("Connection") == "close", "\(path): \(answer)")
                try await connection.shutdown()
            }
        }
    }

    @Test("our own certificate is kept, is nobody else's to read, and is remade for another name")
    func certificate() throws {
        let directory = TemporaryDirectory()
        let files = try ServerCertificate.files(in: directory.path, names: ["knock.example", "192.0.2.1"])
        let first = try ServerCertificate.fingerprint(of: files.certificate)
        #expect(first.count == 64)
        _ = try ServerCertificate.files(in: directory.path, names: ["192.0.2.1"])
        #expect(try ServerCertificate.fingerprint(of: files.certificate) == first)
        let mode = try FileManager.default.attributesOfItem(atPath: files.key)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        _ = try ServerCertificate.files(in: directory.path, names: ["other.example"])
        #expect(try ServerCertificate.fingerprint(of: files.certificate) != first)
        _ = try TLSContexts(files)
    }

    @Test("a reload takes new forwarders")
    func reload() async throws {
        try await TestSite.run { (site: TestSite) async throws in
            var settings = site.server.settings
            settings.trustedForwarders = []
            try site.server.reload(settings)
            let forwarded = ["X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"]
            let answer = try await site.login("nobody", "wrong", headers: forwarded)
            #expect(answer.header("Strict-Transport-Security") == nil)
        }
    }

    @Test("a new agent is not told of the certificate that a node made itself once a reload has put files in its place")
    func reloadedCertificate() throws {
        let (directory, others) = (TemporaryDirectory(), TemporaryDirectory())
        var settings = ServerSettings(
            listen: ListenAddress(host: "127.0.0.1", port: 8756), databaseURL: "sqlite://\(directory.path)/knocknoc.db",
            dataDirectory: directory.path, nodeName: "test")
        settings.tls = .selfSigned(names: ["knock.example"])
        settings.publicURL = WebOrigin("https://knock.example:8756")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let database = try DatabaseFactory.open(url: settings.databaseURL, serverLock: true, logger: logger)
        let server = try Server(
            settings: settings, database: database,
            hasher: PasswordHasher(cost: PasswordCost(memory: 8192, passes: 1)), logger: logger)
        func told() -> String? {
            AgentAddress(server.settings, local: nil, fingerprint: server.live.fingerprint).fingerprint
        }
        #expect(server.fingerprint != nil && told() == server.fingerprint)
        settings.trustedForwarders = []
        try server.reload(settings)
        #expect(told() == server.fingerprint)
        let files = try ServerCertificate.files(in: others.path, names: ["knock.example"])
        settings.tls = .files(certificate: others.path + "/missing.pem", key: files.key)
        #expect(throws: ServerError.self) { try server.reload(settings) }
        #expect(told() == server.fingerprint)
        settings.tls = .files(certificate: files.certificate, key: files.key)
        try server.reload(settings)
        #expect(told() == nil)
    }

    @Test("a reload with a certificate that cannot be used changes nothing and says so")
    func badReload() throws {
        let directory = TemporaryDirectory()
        let files = try ServerCertificate.files(in: directory.path, names: ["knock.example"])
        var settings = ServerSettings(
            listen: ListenAddress(host: "127.0.0.1", port: 0), databaseURL: "sqlite://\(directory.path)/knocknoc.db",
            dataDirectory: directory.path, nodeName: "test")
        settings.tls = .files(certificate: files.certificate, key: files.key)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let database = try DatabaseFactory.open(url: settings.databaseURL, serverLock: true, logger: logger)
        let server = try Server(
            settings: settings, database: database,
            hasher: PasswordHasher(cost: PasswordCost(memory: 8192, passes: 1)), logger: logger)
        let forwarder = try #require(IPAddress("192.0.2.10"))
        settings.trustedForwarders = [CIDR(forwarder)]
        try "not a certificate".write(toFile: directory.path + "/bad.pem", atomically: true, encoding: .utf8)
        settings.tls = .files(certificate: directory.path + "/bad.pem", key: files.key)
        #expect(throws: ServerError.self) { try server.reload(settings) }
        #expect(!server.live.addressRule.trusts(forwarder))
        settings.tls = .files(certificate: files.certificate, key: files.key)
        try server.reload(settings)
        #expect(server.live.addressRule.trusts(forwarder))
    }
}
