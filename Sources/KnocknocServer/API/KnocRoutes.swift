import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

struct KnocRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        let access = site.access
        router.answer(.get, "api/v1/admin/knocs") { request, context in
            _ = try await site.requireAdmin(request, context)
            let page = try PageQuery<KnocSubject>(request)
            let records = try await access.listKnocs(after: page.after, limit: page.limit + 1)
            return page.answer(records, id: \.id, json: \.json)
        }
        router.answer(.post, "api/v1/admin/knocs") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let body = try await request.json(KnocDraftBody.self)
            let knoc = try await access.createKnoc(body.draft, by: admin.actor, context.origin)
            return .record(knoc.json, version: knoc.version, status: .created, at: "/api/v1/admin/knocs/\(knoc.id)")
        }
        router.answer(.get, "api/v1/admin/knocs/:id") { request, context in
            _ = try await site.requireAdmin(request, context)
            let knoc = try await access.knoc(try context.identifier("Knoc"))
            return .record(knoc.json, version: knoc.version)
        }
        router.answer(.patch, "api/v1/admin/knocs/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: KnocID = try context.identifier("Knoc")
            let body = try await request.json(KnocPatchBody.self)
            let knoc = try await access.updateKnoc(
                id, body.patch, version: try request.seenVersion(), by: admin.actor, context.origin)
            return .record(knoc.json, version: knoc.version)
        }
        router.answer(.delete, "api/v1/admin/knocs/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: KnocID = try context.identifier("Knoc")
            try await access.deleteKnoc(
                id, version: try request.seenVersion(), by: admin.actor, context.origin)
            return .noContent
        }
    }
}
