import Glibc
import KnocknocAccess
import KnocknocServer
import Logging
import ServiceLifecycle

/// Says on the terminal where to go and how to begin.
struct Welcome: Service {
    let server: Server
    let logger: Logger

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await welcome() }
        } catch is CancellationError {
            return
        } catch {
            logger.error("the first steps could not be prepared", metadata: ["error": "\(error)"])
        }
        try? await gracefulShutdown()
    }

    private func welcome() async throws {
        guard let port = await server.boundPort() else { return }
        if let fingerprint = server.fingerprint { Exit.tell("TLS certificate SHA-256: \(fingerprint)") }
        guard await server.waitUntilReady() else { return }
        let url = server.publicURL(port: port)
        Exit.tell("Knocknoc is ready: \(url)/")
        // No link is made that nobody sees.
        guard isatty(STDOUT_FILENO) == 1 || server.settings.sample else {
            if try await server.access.needsFirstAdmin() {
                let command = try KnockerCall.text("create-admin NAME --password-stdin", server.settings)
                Exit.tell("Make the first administrator: \(command)")
            }
            return
        }
        if let code = try await server.access.setUpLink() {
            // After "#" it stays in the browser: no server, proxy or log sees it.
            Exit.tell("Make the first administrator (this link works once): \(url)/admin/setup#\(code)")
        } else {
            Exit.tell("Administration: \(url)/admin")
        }
    }
}
