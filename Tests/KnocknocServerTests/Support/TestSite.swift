import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import KnocknocAccess
import KnocknocIdentity
import KnocknocModel
import KnocknocStore
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import Testing

@testable import KnocknocServer

/// A whole server on a port of its own over SQLite in a directory of its own.
struct TestSite {
    static let password = "correct horse battery"

    let server: Server
    let port: Int
    let client: TestClient
    let adminToken: String

    /// Runs a server, with an administrator made if wished, for the time of `body`.
    static func run(
        in directory: TemporaryDirectory = TemporaryDirectory(), administrator: Bool = true,
        _ change: (inout ServerSettings) -> Void = { _ in },
        log: (@Sendable (String) -> any LogHandler)? = nil,
        _ body: @Sendable @escaping (TestSite) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test") { label in log?(label) ?? SwiftLogNoOpLogHandler() }
        logger.logLevel = log == nil ? .critical : .trace
        var settings = ServerSettings(
            listen: ListenAddress(host: "127.0.0.1", port: 0), databaseURL: "sqlite://\(directory.path)/knocknoc.db",
            dataDirectory: directory.path, nodeName: "test")
        settings.allInOne = true
        settings.drainSeconds = 0
        change(&settings)
        let database = try DatabaseFactory.open(url: settings.databaseURL, serverLock: true, logger: logger)
        let hasher = PasswordHasher(cost: PasswordCost(memory: 8192, passes: 1))
        let server = try Server(settings: settings, database: database, hasher: hasher, logger: logger)
        let group = ServiceGroup(configuration: .init(services: server.services, logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            guard await server.waitUntilReady(), let port = await server.boundPort() else { return }
            do {
                let isNew = try await server.access.needsFirstAdmin()
                if administrator, isNew {
                    _ = try await server.access.createAdmin(
                        AdminDraft(name: "root", password: password), by: .cli, nil)
                }
                var trust: TLSConfiguration?
                if settings.tls != .none {
                    trust = .makeClientConfiguration()
                    trust?.certificateVerification = .none
                }
                let configuration = TestClient.Configuration(
                    tlsConfiguration: trust, timeout: .seconds(20), serverName: "localhost")
                let client = TestClient(host: "127.0.0.1", port: port, configuration: configuration)
                client.connect()
                var site = TestSite(server: server, port: port, client: client, adminToken: "")
                let answer = try await site.post(
                    "/api/v1/admin/login", #"{"username":"root","password":"\#(password)"}"#)
                site = TestSite(
                    server: server, port: port, client: client, adminToken: answer.json["token"] as? String ?? "")
                try await body(site)
                try await client.shutdown()
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        withExtendedLifetime(directory) {}
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, headers: [String: String] = [:],
        host: String? = nil, over other: TestClient? = nil
    ) async throws -> Answer {
        var fields = HTTPFields()
        for (name, value) in headers { fields.append(HTTPField(name: try #require(.init(name)), value: value)) }
        let request = TestClient.Request(
            path, method: method, authority: host ?? "127.0.0.1:\(port)", headers: fields,
            body: body.map { ByteBuffer(string: $0) })
        let response = try await (other ?? client).execute(request)
        return Answer(
            status: Int(response.head.status.code), headers: response.head.headerFields,
            body: response.body.map { String(buffer: $0) } ?? "")
    }

    func get(_ path: String, headers: [String: String] = [:]) async throws -> Answer {
        try await send(.get, path, headers: headers)
    }

    func post(_ path: String, _ body: String = "", headers: [String: String] = [:]) async throws -> Answer {
        try await send(.post, path, body, headers: headers)
    }

    /// A request of the administrator, by token.
    func admin(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, headers: [String: String] = [:])
        async throws -> Answer
    {
        var headers = headers
        headers["Authorization"] = "Bearer \(adminToken)"
        return try await send(method, "/api/v1/admin" + path, body, headers: headers)
    }

    /// A second connection, for requests at the same time.
    func connection() -> TestClient {
        let client = TestClient(host: "127.0.0.1", port: port, configuration: .init(timeout: .seconds(20)))
        client.connect()
        return client
    }
}
