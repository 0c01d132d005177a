import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

/// What happens now and what happened: grants, sessions, audit, guards on trial.
struct LiveRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        let access = site.access
        router.answer(.get, "api/v1/admin/grants") { request, context in
            _ = try await site.requireAdmin(request, context)
            let page = try PageQuery<GrantSubject>(request)
            let live = try Self.live(page.fields)
            let grants = try await access.listGrants(live: live, after: page.after, limit: page.limit + 1)
            return page.answer(grants, id: \.id, json: \.json)
        }
        router.answer(.delete, "api/v1/admin/grants/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            try await access.endGrant(try context.identifier("grant"), by: admin.actor, context.origin)
            return .noContent
        }
        router.answer(.get, "api/v1/admin/sessions") { request, context in
            _ = try await site.requireAdmin(request, context)
            let page = try PageQuery<SessionSubject>(request)
            let live = try Self.live(page.fields)
            let sessions = try await access.listSessions(live: live, after: page.after, limit: page.limit + 1)
            return page.answer(sessions, id: \.id, json: \.json)
        }
        router.answer(.delete, "api/v1/admin/sessions/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            try await access.endSession(try context.identifier("session"), by: admin.actor, context.origin)
            return .noContent
        }
        router.answer(.get, "api/v1/admin/audit") { request, context in
            _ = try await site.requireAdmin(request, context)
            let page = try PageQuery<AuditSubject>(request)
            let events = try await access.listAudit(after: page.after, limit: page.limit + 1)
            return page.answer(events, id: \.id, json: \.json)
        }
        router.answer(.post, "api/v1/admin/targets/:id/confirm") { request, context in
            let admin = try await site.requireAdmin(request, context)
            try await access.confirmGuard(try context.identifier("target"), by: admin.actor, context.origin)
            return .noContent
        }
        router.answer(.post, "api/v1/admin/targets/:id/unguard") { request, context in
            let admin = try await site.requireAdmin(request, context)
            try await access.unguard(try context.identifier("target"), by: admin.actor, context.origin)
            return .noContent
        }
    }

    private static func live(_ fields: FormFields) throws -> Bool {
        switch fields["live"] {
        case nil, "false": false
        case "true": true
        case let text?: throw Problem.invalid("live: expected true or false, not \"\(text)\".", field: "live")
        }
    }
}
