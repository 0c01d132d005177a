import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// What a signed-in user sees and does: `/api/v1/me` and below.
struct PortalRoutes: Sendable {
    /// The longest that `?wait=` may hold a request, in milliseconds.
    static let maximumWait = 10_000

    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        router.answer(.get, "api/v1/me") { request, context in
            let session = try await site.requireUser(request, context)
            let change = try await site.access.change(of: session, context.origin)
            return .json(session.me(change: change))
        }
        router.answer(.get, "api/v1/me/knocs") { request, context in
            guard let credential = site.credential(.user, request, context),
                let portal = try await site.portal(credential, context)
            else { throw Problem.unauthenticated("Sign in with POST /api/v1/login and send the token.") }
            return .json(.object([("items", .list(portal.knocs.map(\.json)))]))
        }
        router.answer(.get, "api/v1/me/events") { request, context in
            let session = try await site.requireUser(request, context)
            return EventStream(site: site, session: session).response(request)
        }
        router.answer(.post, "api/v1/me/knocs/:id/grant") { request, context in
            let session = try await site.requireUser(request, context)
            let knoc: KnocID = try context.identifier("Knoc")
            let wait = try Self.wait(request)
            let item = try await site.access.grant(knoc, session, context.origin)
            return try await answer(item, session, wait)
        }
        router.answer(.delete, "api/v1/me/knocs/:id/grant") { request, context in
            let session = try await site.requireUser(request, context)
            let knoc: KnocID = try context.identifier("Knoc")
            let wait = try Self.wait(request)
            let item = try await site.access.revoke(knoc, session, context.origin)
            return try await answer(item, session, wait)
        }
    }

    /// 200 once the agents have said what became of it, else 202.
    private func answer(_ item: KnocItem, _ session: Session, _ wait: Duration?) async throws -> Response {
        guard let wait else { return .json(item.json, status: .accepted) }
        var item = item
        if item.isUnsettled { item = try await site.access.settled(item.id, session, within: wait) }
        return .json(item.json, status: item.isUnsettled ? .accepted : .ok)
    }

    private static func wait(_ request: Request) throws -> Duration? {
        guard let text = FormFields(query: request.uri.query)["wait"] else { return nil }
        guard let milliseconds = Int(text), (0...maximumWait).contains(milliseconds) else {
            throw Problem.invalid(
                "wait: expected milliseconds from 0 to \(maximumWait), not \"\(text)\".", field: "wait")
        }
        return .milliseconds(milliseconds)
    }
}

extension KnocItem {
    /// Whether an agent has still to confirm.
    var isUnsettled: Bool { state == .pending || state == .closing }
}
