import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess

/// What the agents' path answers to a request that was not upgraded, and why.
struct LinkRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        router.answer(.get, "agent/v1/link") { request, _ in
            if site.phase.value == .draining {
                throw Problem.unavailable("This node is stopping; use another.", retryAfter: 1)
            }
            guard let token = request.bearer else {
                throw Problem.unauthenticated("An agent sends its token as Authorization: Bearer.")
            }
            guard try await site.access.agent(token: token) != nil else {
                throw Problem.unauthenticated("No agent has this token, or the agent is disabled.")
            }
            throw Problem(
                .upgradeRequired, "upgrade", "A WebSocket is needed",
                "Agents link by a WebSocket (RFC 6455): send Upgrade: websocket."
            ).with(.upgrade, "websocket")
        }
    }
}

extension Request {
    /// The token of `Authorization: Bearer` (RFC 6750).
    var bearer: String? {
        guard let header = headers[.authorization], header.lowercased().hasPrefix("bearer ") else { return nil }
        return String(header.dropFirst(7))
    }
}
