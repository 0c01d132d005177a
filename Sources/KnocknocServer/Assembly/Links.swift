import KnocknocAccess
import Logging
import NIOCore
import ServiceLifecycle

/// The agents' links of this node: what takes an upgraded WebSocket, and what keeps them going.
struct Links: Sendable {
    let endpoint: LinkEndpoint
    let service: any Service

    init(access: Access, node: String, phase: ServerPhase, logger: Logger) {
        endpoint = LinkEndpoint(
            authenticate: { token in
                guard phase.value == .ready else { return nil }
                return try? await access.agent(token: token)
            },
            serve: { socket, _, _ in socket.channel.close(promise: nil) })
        service = Nothing()
    }

    private struct Nothing: Service {
        func run() async throws { try? await gracefulShutdown() }
    }
}
