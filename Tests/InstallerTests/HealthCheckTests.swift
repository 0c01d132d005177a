import Foundation
import KnocknocCertificates
import KnocknocIdentity
import KnocknocModel
import KnocknocServer
import KnocknocStore
import KnocknocSystem
import KnocknocToolkit
import ServiceLifecycle
import Testing

@Suite("asking a server on this machine how it is", .timeLimit(.minutes(1)))
struct HealthCheckTests {
    @Test("it answers to whoever expects its certificate, and to nobody else")
    func tls() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/knocknoc-health-\(UUID().uuidString)"
        var settings = ServerSettings(
            listen: ListenAddress(host: "127.0.0.1", port: 0), databaseURL: "sqlite://\(folder)/knocknoc.db",
            dataDirectory: folder, nodeName: "test")
        settings.tls = .selfSigned(names: ["test"])
        settings.drainSeconds = 0
        let database = try DatabaseFactory.open(url: settings.databaseURL, serverLock: true, logger: TestSite.logger)
        let hasher = PasswordHasher(cost: PasswordCost(memory: 8192, passes: 1))
        let server = try Server(settings: settings, database: database, hasher: hasher, logger: TestSite.logger)
        let group = ServiceGroup(configuration: .init(services: server.services, logger: TestSite.logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let isReady = await server.waitUntilReady()
            #expect(isReady)
            let port = try #require(await server.boundPort())
            // A wildcard is asked over loopback.
            let listen = ListenAddress(host: "0.0.0.0", port: port)
            let answer = try await HealthCheck.ask(listen, certificate: folder + "/tls-cert.pem")
            #expect(answer.isHealthy && answer.body.contains("\"role\":\"server\""))
            let other = try SelfSignedCertificate(names: ["test"])
            try other.certificate.write(toFile: folder + "/other.pem", atomically: true, encoding: .utf8)
            for certificate in [folder + "/other.pem", nil] {
                await #expect(throws: SystemError.self) {
                    try await HealthCheck.ask(listen, certificate: certificate)
                }
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    @Test("where nobody listens, that is said")
    func nobody() async throws {
        let listen = ListenAddress(host: "127.0.0.1", port: try FreePort.find())
        let error = await #expect(throws: SystemError.self) { try await HealthCheck.ask(listen, certificate: nil) }
        #expect(error?.message.contains("nothing answers on \(listen)") == true)
    }
}
