import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import KnocknocAgent

@Suite("whom an agent trusts", .timeLimit(.minutes(1)))
struct TrustTests {
    private func client(caFile: String? = nil, fingerprints: [[UInt8]] = [], token: String = testToken) throws
        -> LinkClient
    {
        LinkClient(
            group: MultiThreadedEventLoopGroup.singleton, token: try #require(Token(token)),
            trust: try TLSTrust(caFile: caFile, fingerprints: fingerprints), userAgent: "test")
    }

    /// The reason why no link came about; nil where one did.
    private func reason(_ client: LinkClient, _ server: FakeServer, scheme: String = "https") async throws -> String? {
        let url = try #require(ServerURL("\(scheme)://127.0.0.1:\(server.port)"))
        do throws(AgentError) {
            let link = try await client.connect(to: url) { _ in }
            link.close("done")
            return nil
        } catch {
            #expect(error.message.hasPrefix(url.description), "the URL that was tried is named")
            #expect(!error.message.contains(testToken))
            return error.message
        }
    }

    @Test("a certificate of nobody the system knows is refused, with what to do, and before the token is sent")
    func unknownAuthority() async throws {
        let server = try await FakeServer.start(tls: TestCertificate().context)
        let reason = try await reason(client(), server)
        #expect(reason?.contains("not trusted") == true)
        #expect(reason?.contains("TLSCAFile") == true)
        #expect(reason?.contains("BoringSSL") == false && reason?.contains(".swift") == false)
        #expect(server.heads.withLockedValue { $0.isEmpty })
        await server.kill()
    }

    @Test("TLS that cannot be spoken is told in words, without places in anybody's sources")
    func noTLS() async throws {
        let server = try await FakeServer.start()
        let reason = try #require(try await reason(client(), server))
        #expect(reason.contains("TLS failed: "))
        #expect(!reason.contains("Error") && !reason.contains(".swift") && !reason.contains("/checkouts/"))
        await server.kill()
    }

    @Test("a certificate of the given authority is trusted")
    func caFile() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let certificate = try TestCertificate()
        try certificate.pem.write(toFile: scene.folder + "/ca.pem", atomically: true, encoding: .utf8)
        let server = try await FakeServer.start(tls: certificate.context)
        #expect(try await reason(client(caFile: scene.folder + "/ca.pem"), server) == nil)
        await server.kill()
    }

    @Test("a certificate for another host is refused")
    func otherHost() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let certificate = try TestCertificate(host: "knoc.example.org")
        try certificate.pem.write(toFile: scene.folder + "/ca.pem", atomically: true, encoding: .utf8)
        let server = try await FakeServer.start(tls: certificate.context)
        #expect(try await reason(client(caFile: scene.folder + "/ca.pem"), server) != nil)
        #expect(server.heads.withLockedValue { $0.isEmpty })
        await server.kill()
    }

    @Test(
        "the pinned certificate is trusted whatever name it carries, another one is not",
        arguments: [
            "127.0.0.1", "knoc.example.org",
        ])
    func pinned(name: String) async throws {
        let certificate = try TestCertificate(host: name)
        let server = try await FakeServer.start(tls: certificate.context)
        #expect(try await reason(client(fingerprints: [certificate.fingerprint]), server) == nil)
        let other = try TestCertificate().fingerprint
        let reason = try await reason(client(fingerprints: [other]), server)
        #expect(reason?.contains("TLSFingerprint") == true)
        await server.kill()
    }

    @Test("of several pinned certificates each is trusted, whichever place it has in the list, and no other")
    func pinnedList() async throws {
        let nodes = try (0..<3).map { _ in try TestCertificate() }
        let pinned = nodes.map(\.fingerprint)
        for node in nodes {
            let server = try await FakeServer.start(tls: node.context)
            #expect(try await reason(client(fingerprints: pinned), server) == nil)
            let others = pinned.filter { $0 != node.fingerprint }
            let reason = try await reason(client(fingerprints: others), server)
            #expect(reason?.contains("TLSFingerprint") == true)
            await server.kill()
        }
    }

    @Test("a CA file that is none is refused by name")
    func badCAFile() throws {
        #expect(throws: AgentError.self) { try TLSTrust(caFile: "/nowhere/ca.pem", fingerprints: []) }
    }

    @Test("a token that the server does not accept is named as the reason")
    func wrongToken() async throws {
        let server = try await FakeServer.start()
        let reason = try await reason(client(token: "kna_another_token_0123"), server, scheme: "http")
        #expect(reason?.contains("does not accept the token (401") == true)
        #expect(reason?.contains("kna_") == false)
        await server.kill()
    }

    @Test("nobody listening is named as the reason")
    func nobody() async throws {
        let server = try await FakeServer.start()
        await server.kill()
        let reason = try await reason(client(), server, scheme: "http")
        #expect(reason?.lowercased().contains("refused") == true)
    }

    @Test("a name that cannot be resolved is named as the reason")
    func noName() async throws {
        let url = try #require(ServerURL("https://nothing.invalid"))
        await #expect(throws: AgentError.self) { try await client().connect(to: url) { _ in } }
    }

    @Test("the token is in no line of the log at any level, whatever goes wrong")
    func tokenInNoLog() async throws {
        let scene = try Scene()
        defer { scene.clean() }
        let plain = try await FakeServer.start(token: "another")
        let secure = try await FakeServer.start(tls: TestCertificate().context)
        var configuration = try scene.configuration(plain)
        configuration.servers.append(try #require(ServerURL("https://127.0.0.1:\(secure.port)")))
        let log = RecordedLog()
        let signal = Signal()
        try await withAgent(configuration, enforcer: RecordingEnforcer(), clocks: try SystemClocks(), log: log) {
            await signal.wait("both failures in the log") {
                log.text.contains("401") && log.text.contains("not trusted")
            }
        }
        #expect(!log.text.contains(testToken))
        await plain.kill()
        await secure.kill()
    }
}
