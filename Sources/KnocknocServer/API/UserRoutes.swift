import HTTPTypes
import Hummingbird
import HummingbirdCore
import KnocknocAccess
import KnocknocModel

struct UserRoutes: Sendable {
    let site: Site

    func addRoutes(to router: KnocknocRouter) {
        let access = site.access
        router.answer(.get, "api/v1/admin/users") { request, context in
            _ = try await site.requireAdmin(request, context)
            let page = try PageQuery<UserSubject>(request)
            let users = try await access.listUsers(after: page.after, limit: page.limit + 1)
            return page.answer(users, id: \.id, json: \.json)
        }
        router.answer(.post, "api/v1/admin/users") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let body = try await request.json(UserDraftBody.self)
            let user = try await access.createUser(body.draft, by: admin.actor, context.origin)
            return .record(user.json, version: user.version, status: .created, at: "/api/v1/admin/users/\(user.id)")
        }
        router.answer(.get, "api/v1/admin/users/:id") { request, context in
            _ = try await site.requireAdmin(request, context)
            let user = try await access.user(try context.identifier("user"))
            return .record(user.json, version: user.version)
        }
        router.answer(.patch, "api/v1/admin/users/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: UserID = try context.identifier("user")
            let body = try await request.json(UserPatchBody.self)
            let user = try await access.updateUser(
                id, body.patch, version: try request.seenVersion(), by: admin.actor, context.origin)
            return .record(user.json, version: user.version)
        }
        router.answer(.delete, "api/v1/admin/users/:id") { request, context in
            let admin = try await site.requireAdmin(request, context)
            let id: UserID = try context.identifier("user")
            try await access.deleteUser(
                id, version: try request.seenVersion(), by: admin.actor, context.origin)
            return .noContent
        }
    }
}
