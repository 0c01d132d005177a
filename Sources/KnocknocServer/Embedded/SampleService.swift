import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
public import ServiceLifecycle

/// What `./dev run` protects for a first look: a page on a loopback port of its own.
public struct SampleService: Service {
    public static let port = 9080
    public static let url = "http://127.0.0.1:9080/"

    private let logger: Logger

    public init(logger: Logger) { self.logger = logger }

    public func run() async throws {
        let router = Router()
        router.get("/") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"],
                body: .init(byteBuffer: .init(string: Self.page)))
        }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: Self.port)), logger: logger)
        do {
            try await application.run()
        } catch {
            logger.warning(
                "the sample's page could not be started on port \(Self.port)", metadata: ["error": "\(error)"])
            try? await gracefulShutdown()
        }
    }

    private static let page = """
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>It works</title>
        <body style="font:18px system-ui;margin:20vh auto;max-width:32rem;padding:0 1rem">
        <h1>You are in.</h1><p>This page is what the sample Knoc protects. Sign out or revoke, and the port closes.</p>
        </body></html>
        """
}
