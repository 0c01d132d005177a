import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

struct AdminRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        let access = site.access
        router.answer(.get, "api/v1/admin/admins") { request, context in
            _ = try await site.requireAdmin(request, context)
            let page = try PageQuery<AdminSubject>(request)
            let records = try await access.listAdmins(after: page.after, limit: page.limit + 1)
            return page.answer(records, id: \.id, json: \.json)
        }
        router.answer(.post, "api/v1/admin/admins") { request, context in
            let session = try await site.requireAdmin(request, context)
            let body = try await request.json(AdminDraftBody.self)
            let admin = try await access.createAdmin(body.draft, by: session.actor, context.origin)
            return .record(admin.json, version: admin.version, status: .created, at: "/api/v1/admin/admins/\(admin.id)")
        }
        router.answer(.get, "api/v1/admin/admins/:id") { request, context in
            _ = try await site.requireAdmin(request, context)
            let admin = try await access.admin(try context.identifier("administrator"))
            return .record(admin.json, version: admin.version)
        }
        router.answer(.patch, "api/v1/admin/admins/:id") { request, context in
            let session = try await site.requireAdmin(request, context)
            let id: AdminID = try context.identifier("administrator")
            let body = try await request.json(AdminPatchBody.self)
            let admin = try await access.updateAdmin(
                id, body.patch, version: try request.seenVersion(), by: session.actor, context.origin)
            return .record(admin.json, version: admin.version)
        }
        router.answer(.delete, "api/v1/admin/admins/:id") { request, context in
            let session = try await site.requireAdmin(request, context)
            let id: AdminID = try context.identifier("administrator")
            try await access.deleteAdmin(
                id, version: try request.seenVersion(), by: session.actor, context.origin)
            return .noContent
        }
    }
}
